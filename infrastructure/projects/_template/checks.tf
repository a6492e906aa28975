# ─── Checks ───
# One line for each problem of the project's own files: file, field, value, what is expected. Nothing is planned
# until there is none (data.tf).

locals {
  project_file = "infrastructure/projects/${local.directory}/project.json"
  tables_file  = "infrastructure/projects/${local.directory}/tables.json"
  name_pattern = "^[a-z][a-z0-9_]{1,23}$"

  config_problems = concat(
    length(local.config) > 0 ? local.field_problems : ["${local.project_file}: no valid JSON object; expected one with name, description and owner."],
    length(local.contract) > 0 ? local.table_problems : ["${local.tables_file}: no valid JSON object; expected one with raw, refined and curated."],
    local.pipeline_problems,
    local.domain_problems,
  )

  # ─── project.json ───
  field_problems = concat(
    [
      for field, rule in {
        description = { pattern = "^.{1,200}$", expected = "1 to 200 characters" }
        name        = { pattern = local.name_pattern, expected = "2 to 24 lower-case letters, digits and underscores, starting with a letter" }
        owner       = { pattern = "^[A-Za-z0-9][A-Za-z0-9+=._:/@-]{1,127}$", expected = "a team or its address, such as \"team@example.com\"" }
      } : "${local.project_file}: ${field} is ${jsonencode(try(local.config[field], null))}; expected ${rule.expected}."
      if !can(regex(rule.pattern, local.config[field]))
    ],
    [
      for name in [try(local.config.name, null)] :
      "${local.project_file}: name is \"${name}\"; expected \"${local.directory}\", the name of its folder."
      if can(regex(local.name_pattern, name)) && name != local.directory
    ],
    [
      for field in setsubtract(keys(local.config), ["depends_on", "description", "name", "owner"]) :
      "${local.project_file}: ${field} is not a known field; expected name, description, owner and, if needed, depends_on."
    ],
    [
      for value in [try(local.config.depends_on, [])] :
      "${local.project_file}: depends_on is ${jsonencode(value)}; expected a list of other projects' names."
      if can(keys(value)) || !can([for name in value : regex(local.name_pattern, name)]) || try(contains(value, local.directory), false)
    ],
    [
      for name in try(tolist(local.config.depends_on), []) :
      "${local.project_file}: depends_on names ${jsonencode(name)}; expected a folder of infrastructure/projects that has a tables.json."
      if can(regex(local.name_pattern, name)) && !contains(local.depends_on, name)
    ],
  )

  # ─── tables.json ───
  table_problems = concat(
    [
      for layer in setsubtract(keys(local.contract), ["curated", "raw", "refined"]) :
      "${local.tables_file}: ${layer} is no layer; expected raw, refined or curated."
    ],
    flatten([
      for layer, tables in local.contract : [
        for name, table in try(tables, {}) :
        "${local.tables_file}: ${layer}.${name} is incomplete; expected a description, and columns with a name and a type each."
        if !can(local.tables[layer][name]) && can(local.tables[layer])
      ]
    ]),
  )

  # ─── pipelines.tf ───
  pipeline_problems = flatten([
    for pipeline, jobs in local.pipeline_jobs : [
      for job in jobs :
      "infrastructure/projects/${local.directory}/pipelines.tf: ${pipeline} runs \"${job}\"; expected a key of job_settings in jobs.tf: ${join(", ", keys(local.job_settings))}."
      if !contains(keys(local.job_settings), job)
    ]
  ])

  # ─── domain.json ───
  domain_problems = [
    for field, expected in { aws_region = "an AWS Region", domain_abbr = "2 to 8 lower-case letters and digits" } :
    "setup/domain.json: ${field} is ${jsonencode(try(local.domain[field], null))}; expected ${expected}."
    if !can(regex("^[a-z][a-z0-9-]+$", local.domain[field]))
  ]
}
