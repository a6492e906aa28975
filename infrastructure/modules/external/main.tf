# ─── What Lies Outside the Domain ───
# Buckets and databases of others that projects read, from setup/external.json, as they are in one environment.
# Bootstrap, foundation and projects read them here: the boundary, the way through the network and the role agree.

locals {
  schema  = jsondecode(file("${path.module}/../../../setup/schemas/external.schema.json")).properties
  content = try(merge(jsondecode(fileexists(var.file) ? file(var.file) : "{}")), null)
  fields = {
    for kind in ["buckets", "databases"] : kind => local.schema[kind].additionalProperties.properties
  }
  entries = {
    for kind in ["buckets", "databases"] : kind => {
      for name, entry in try(merge(local.content[kind]), {}) : name => {
        for field in keys(local.fields[kind]) :
        field => try(tostring(entry.environments[var.env][field]), tostring(entry[field]), "") if field != "environments"
      }
    }
  }

  # The most of what `make check-inputs` says, in its words.
  problems = concat(
    local.content == null ? ["setup/external.json: content is \"no JSON object\"; expected a JSON object with buckets and databases."] : [],
    flatten([
      for kind, entries in local.entries : [
        for name, entry in entries : [
          for field, value in entry :
          "setup/external.json: ${kind}.${name}.${field} is ${value == "" ? "missing" : jsonencode(value)}; expected ${local.fields[kind][field].expected}."
          if value == "" ? contains(local.schema[kind].additionalProperties.required, field) : !can(regex(local.fields[kind][field].pattern, value))
        ]
      ]
    ]),
  )
}
