# ─── The Team's Own Tags ───
# Tags from setup/tags.json, such as a cost centre, for everything that takes tags. Every stack reads them here, so
# that each refuses the same mistakes. Letters are ASCII: not every service takes others.

locals {
  content = try(merge(jsondecode(fileexists(var.file) ? file(var.file) : "{}")), null)
  given   = try({ for name, value in local.content : name => value if name != "$schema" }, {})

  characters = "letters, digits, blanks and + - = . _ : / @, no blank at the ends"
  no_object  = "expected a JSON object of at most 40 tags." # AWS takes 50 a resource, the domain's own among them

  problems = concat(
    local.content == null ? ["setup/tags.json: content is \"no JSON object\"; ${local.no_object}"] : [],
    length(local.given) > 40 ? ["setup/tags.json: content is \"${length(local.given)} tags\"; ${local.no_object}"] : [],
    [
      for name in keys(local.given) :
      "setup/tags.json: name of ${name} is \"${name}\"; expected 1 to 128 ${local.characters}."
      if !can(regex("^[A-Za-z0-9+=._:/@-]([A-Za-z0-9 +=._:/@-]{0,126}[A-Za-z0-9+=._:/@-])?$", name))
    ],
    # IAM tells Owner and owner not apart.
    [
      for name in keys(local.given) :
      "setup/tags.json: name of ${name} is \"${name}\"; expected another name, for the domain sets Domain, Environment, ManagedBy, Name, Owner and Project, and aws: is AWS's own."
      if contains(["domain", "environment", "managedby", "name", "owner", "project"], lower(name)) || startswith(lower(name), "aws:")
    ],
    [
      for position, name in keys(local.given) :
      "setup/tags.json: name of ${name} is \"${name}\"; expected each name once, in capitals or not."
      if contains([for other in slice(keys(local.given), 0, position) : lower(other)], lower(name))
    ],
    [
      for name, value in local.given :
      "setup/tags.json: ${name} is ${can(keys(value)) ? "{...}" : jsonencode(value)}; expected 1 to 256 ${local.characters}."
      if !can(regex("^[A-Za-z0-9+=._:/@-]([A-Za-z0-9 +=._:/@-]{0,254}[A-Za-z0-9+=._:/@-])?$", value)) || try(value != tostring(value), false)
    ],
  )
}
