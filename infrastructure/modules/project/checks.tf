# ─── Checks ───
# One line for each mistake in the project's own files: file, field, value, what is expected. Nothing is planned
# until there is none (main.tf). Patterns and words are those of setup/schemas, so that `make check-inputs`, which
# looks at more, and the jobs say the same.

locals {
  folder        = "infrastructure/projects/${local.directory}"
  project_file  = "${local.folder}/project.json"
  contract_file = "${local.folder}/contract.odcs.yaml"
  name_pattern  = local.project_fields.name.pattern
  longest_names = "${try(local.domain.domain_abbr, "")}-${local.directory}" # with -prod behind them

  schemas = {
    for name in ["contract", "domain", "jobs", "pipelines", "project", "triggers"] :
    name => jsondecode(file("${path.module}/../../../setup/schemas/${name}.schema.json"))
  }
  contract_words = local.schemas.contract["$defs"]
  job_fields     = local.schemas.jobs.additionalProperties.properties
  project_fields = local.schemas.project.properties

  config_problems = concat(
    length(local.config) > 0 ? concat(local.field_problems, local.outside_problems) : ["${local.project_file}: content is \"no JSON object\"; expected ${local.schemas.project.expected}."],
    length(local.document) > 0 ? local.table_problems : ["${local.contract_file}: content is \"no YAML mapping\"; expected ${local.schemas.contract.expected}."],
    local.job_problems,
    local.pipeline_problems,
    local.trigger_problems,
    local.domain_problems,
  )

  # ─── project.json ───
  field_problems = concat(
    [
      for field in ["description", "name", "owner"] :
      "${local.project_file}: ${field} is ${try(jsonencode(local.config[field]), "missing")}; expected ${local.project_fields[field].expected}."
      if !can(regex(local.project_fields[field].pattern, local.config[field])) || try(local.config[field] != tostring(local.config[field]), false)
    ],
    [
      for name in [try(local.config.name, null)] :
      "${local.project_file}: name is \"${name}\"; expected \"${local.directory}\", the name of its folder."
      if can(regex(local.name_pattern, name)) && name != local.directory
    ],
    [
      for field, value in local.config :
      "${local.project_file}: ${field} is ${can(keys(value)) ? "{...}" : jsonencode(value)}; expected no such field: there are ${join(", ", [for name in keys(local.project_fields) : name if name != "$schema"])}."
      if !contains(keys(local.project_fields), field)
    ],
    [
      for value in [try(local.config.depends_on, [])] :
      "${local.project_file}: depends_on is ${can(keys(value)) ? "{...}" : jsonencode(value)}; expected ${local.project_fields.depends_on.expected}."
      if can(keys(value)) || !can([for name in value : name])
    ],
    [
      for position, name in try([for name in local.config.depends_on : name if !can(keys(local.config.depends_on))], []) :
      "${local.project_file}: depends_on[${position}] is ${jsonencode(name)}; expected ${can(regex(local.name_pattern, name)) ? "a folder of infrastructure/projects that has a contract.odcs.yaml" : local.project_fields.depends_on.items.expected}."
      if !contains(local.depends_on, try(tostring(name), "")) || name == local.directory
    ],
  )

  # What project.json names of setup/external.json.
  outside_problems = flatten([
    for field, kind in { connections = module.external.databases, external_reads = module.external.buckets } : [
      [
        for value in try([local.config[field]], []) :
        "${local.project_file}: ${field} is ${can(keys(value)) ? "{...}" : jsonencode(value)}; expected ${local.project_fields[field].expected}."
        if can(keys(value)) || !can([for name in value : name])
      ],
      [
        for position, name in try([for name in local.config[field] : name if !can(keys(local.config[field]))], []) :
        "${local.project_file}: ${field}[${position}] is ${jsonencode(name)}; expected ${local.project_fields[field].items.expected}."
        if !contains(keys(kind), try(tostring(name), ""))
      ],
    ]
  ])

  # ─── contract.odcs.yaml ───
  table_problems = concat(
    [
      for value in [try(local.document.schema, null)] :
      "${local.contract_file}: schema is ${value == null ? "missing" : can(keys(value)) ? "{...}" : jsonencode(value)}; expected ${local.schemas.contract.properties.schema.expected}."
      if !can([for each in value : each.name]) || can(keys(value))
    ],
    flatten([
      for object in local.described : concat(
        [
          for name in [object.table] :
          "${local.contract_file}: schema.${object.name}.${can(object.physicalName) ? "physicalName" : "name"} is ${jsonencode(name)}; expected ${local.contract_words.table_name.expected}."
          if !can(regex(local.contract_words.table_name.pattern, name))
        ],
        [
          for layer in [object.layer] :
          "${local.contract_file}: schema.${object.name}.customProperties.layer is ${jsonencode(layer)}; expected ${local.contract_words.object_custom.properties.layer.expected}."
          if !contains(local.contract_words.object_custom.properties.layer.enum, layer)
        ],
        [
          for field in ["properties"] :
          "${local.contract_file}: schema.${object.name}.${field} is ${try(jsonencode(object[field]), "missing")}; expected a list of at least one property."
          if length(object.columns) == 0
        ],
        flatten([
          for column in object.columns : concat(
            [
              for field in [can(column.property.physicalName) ? "physicalName" : "name"] :
              "${local.contract_file}: schema.${object.name}.properties.${column.property.name}.${field} is ${jsonencode(column.name)}; expected ${local.contract_words.column_name.expected}."
              if !can(regex(local.contract_words.column_name.pattern, column.name))
            ],
            [
              for field in [can(column.property.physicalType) ? "physicalType" : can(column.property.logicalType) ? "logicalType" : "physicalType"] :
              "${local.contract_file}: schema.${object.name}.properties.${column.property.name}.${field} is ${try(replace(replace(jsonencode(column.property[field]), "\\u003c", "<"), "\\u003e", ">"), "missing")}; expected ${local.contract_words.column_type.expected}."
              if !can(regex(local.contract_words.column_type.pattern, column.type))
            ],
          )
        ]),
        local.upkeep_problems[object.name],
      )
    ]),
  )

  # How Iceberg tables are looked after. A table with such a problem is not planned.
  upkeep = { for part in ["optimizers", "snapshotRetention", "tableProperties"] : part => local.contract_words.object_custom.properties[part] }
  upkeep_problems = {
    for name, custom in { for object in local.described : object.name => object.custom... } : name => flatten([
      for part, rule in local.upkeep : [
        [
          for value in try([custom[0][part]], []) :
          "${local.contract_file}: schema.${name}.customProperties.${part} is ${jsonencode(value)}; expected ${rule.expected}."
          if !can(keys(value))
        ],
        [
          for field, value in try(merge(custom[0][part]), {}) :
          "${local.contract_file}: schema.${name}.customProperties.${part}.${field} is ${can(keys(value)) ? "{...}" : jsonencode(value)}; expected no such field: there are ${join(", ", keys(rule.properties))}."
          if try(!contains(keys(rule.properties), field), false)
        ],
        [
          for field, value in try(merge(custom[0][part]), {}) :
          "${local.contract_file}: schema.${name}.customProperties.${part}.${field} is ${can(keys(value)) ? "{...}" : jsonencode(value)}; expected ${rule.properties[field].expected}."
          if try(contains(keys(rule.properties), field), false) && !try(rule.properties[field].type == "boolean" ? value == tobool(value) : value == tonumber(value) && floor(value) == value && value >= rule.properties[field].minimum, false)
        ],
        [
          for field in try(keys(custom[0][part]), []) :
          "${local.contract_file}: name of schema.${name}.customProperties.${part}.${field} is \"${field}\"; expected ${rule.propertyNames.expected}."
          if part == "tableProperties" && (!can(regex(rule.propertyNames.pattern, field)) || contains(rule.propertyNames.allOf[0].if.enum, field))
        ],
        [
          for field, value in try(merge(custom[0][part]), {}) :
          "${local.contract_file}: schema.${name}.customProperties.${part}.${field} is ${can(keys(value)) ? "{...}" : jsonencode(value)}; expected ${rule.additionalProperties.expected}."
          if part == "tableProperties" && (!can(regex(rule.additionalProperties.pattern, value)) || try(value != tostring(value), false))
        ],
      ]
    ])
  }

  # ─── jobs.tf ───
  job_problems = flatten([
    for key, settings in var.job_settings : concat(
      [
        for name in [key] :
        "${local.folder}/jobs.tf: name of ${name} is \"${name}\"; expected ${local.schemas.jobs.propertyNames.expected}."
        if !can(regex(local.schemas.jobs.propertyNames.pattern, name))
      ],
      [
        for field, value in settings :
        "${local.folder}/jobs.tf: ${key}.${field} is ${jsonencode(value)}; expected no such field: there are ${join(", ", keys(local.job_fields))}."
        if !contains(keys(local.job_fields), field)
      ],
      [
        for env in keys(try(merge(settings.environments), {})) :
        "${local.folder}/jobs.tf: name of ${key}.environments.${env} is \"${env}\"; expected ${local.job_fields.environments.propertyNames.expected}."
        if !can(regex(local.job_fields.environments.propertyNames.pattern, env))
      ],
      flatten([
        for env, own in try(merge(settings.environments), {}) : [
          for field, value in try(merge(own), {}) :
          "${local.folder}/jobs.tf: ${key}.environments.${env}.${field} is ${jsonencode(value)}; expected no such field: there are ${join(", ", keys(local.job_fields.environments.additionalProperties.properties))}."
          if !contains(keys(local.job_fields.environments.additionalProperties.properties), field)
        ]
      ]),
    )
  ])

  # ─── pipelines.tf ───
  pipeline_problems = flatten([
    for pipeline, jobs in var.pipeline_jobs : concat(
      [
        for position, job in jobs :
        "${local.folder}/pipelines.tf: ${pipeline}[${position}] is \"${job}\"; expected a key of job_settings in jobs.tf: ${join(", ", keys(var.job_settings))}."
        if !contains(keys(var.job_settings), job)
      ],
      [
        for name in [pipeline] :
        "${local.folder}/pipelines.tf: name of ${name} is \"${name}\"; expected ${local.schemas.pipelines.propertyNames.expected}."
        if !can(regex(local.schemas.pipelines.propertyNames.pattern, name))
      ],
      [
        for list in [jobs] :
        "${local.folder}/pipelines.tf: ${pipeline} is ${jsonencode(list)}; expected ${local.schemas.pipelines.additionalProperties.expected}."
        if length(list) > local.schemas.pipelines.additionalProperties.maxItems
      ],
      [
        for role in ["${local.longest_names}-${replace(pipeline, "_", "-")}-sfn-prod"] :
        "${local.folder}/pipelines.tf: role of ${pipeline} is \"${role}\"; expected at most 64 characters, it has ${length(role)}."
        if length(role) > 64
      ],
    )
  ])

  trigger_fields  = local.schemas.triggers.additionalProperties.properties
  schedule_fields = local.trigger_fields.schedules.additionalProperties.properties
  trigger_problems = flatten([
    for pipeline, trigger in try(merge(var.pipeline_triggers), {}) : concat(
      [
        for name in [pipeline] :
        "${local.folder}/pipelines.tf: name of ${name} is \"${name}\"; expected a key of pipeline_jobs: ${join(", ", keys(var.pipeline_jobs))}."
        if !contains(keys(var.pipeline_jobs), name)
      ],
      [
        for field in try(keys(trigger), []) :
        "${local.folder}/pipelines.tf: ${pipeline}.${field} is ${can(keys(trigger[field])) ? "{...}" : jsonencode(trigger[field])}; expected no such field: there are ${join(", ", keys(local.trigger_fields))}."
        if !contains(keys(local.trigger_fields), field)
      ],
      [
        for position, each in try(tolist(trigger.after), []) :
        "${local.folder}/pipelines.tf: ${pipeline}.after[${position}] is ${jsonencode(each)}; expected ${local.trigger_fields.after.items.expected}."
        if !can(regex(local.trigger_fields.after.items.pattern, each)) || !contains(local.depends_on, try(split("/", each)[0], ""))
      ],
      [
        for position, env in try(tolist(trigger.environments), []) :
        "${local.folder}/pipelines.tf: ${pipeline}.environments[${position}] is ${jsonencode(env)}; expected ${local.trigger_fields.environments.items.expected}."
        if !contains(local.trigger_fields.environments.items.enum, env)
      ],
      [
        for position, each in try(tolist(trigger.files), []) :
        "${local.folder}/pipelines.tf: ${pipeline}.files[${position}] is ${jsonencode(each)}; expected ${local.trigger_fields.files.items.expected}."
        if !can(regex(local.trigger_fields.files.items.pattern, each))
      ],
      [
        for value in try([trigger.settle_seconds], []) :
        "${local.folder}/pipelines.tf: ${pipeline}.settle_seconds is ${jsonencode(value)}; expected ${local.trigger_fields.settle_seconds.expected}."
        if try(!(value == floor(value) && value >= 1 && value <= 3600), true)
      ],
      [
        for value in try([trigger.overlap], []) :
        "${local.folder}/pipelines.tf: ${pipeline}.overlap is ${jsonencode(value)}; expected wait: a file that lands while the pipeline runs is not to be forgotten."
        if value == "skip" && can(trigger.files[0])
      ],
      [
        for value in try([trigger.overlap], []) :
        "${local.folder}/pipelines.tf: ${pipeline}.overlap is ${jsonencode(value)}; expected ${local.trigger_fields.overlap.expected}."
        if !contains(local.trigger_fields.overlap.enum, value)
      ],
      flatten([
        for name, schedule in try(merge(trigger.schedules), {}) : concat(
          [
            for field in try(keys(schedule), []) :
            "${local.folder}/pipelines.tf: ${pipeline}.schedules.${name}.${field} is ${jsonencode(schedule[field])}; expected no such field: there are ${join(", ", keys(local.schedule_fields))}."
            if !contains(keys(local.schedule_fields), field)
          ],
          [
            for field, value in { expression = try(schedule.expression, null), time_zone = try(schedule.time_zone, "UTC") } :
            "${local.folder}/pipelines.tf: ${pipeline}.schedules.${name}.${field} is ${value == null ? "missing" : jsonencode(value)}; expected ${local.schedule_fields[field].expected}."
            if !can(regex(local.schedule_fields[field].pattern, value))
          ],
          [
            for value in [try(schedule.flexible_minutes, 1)] :
            "${local.folder}/pipelines.tf: ${pipeline}.schedules.${name}.flexible_minutes is ${jsonencode(value)}; expected ${local.schedule_fields.flexible_minutes.expected}."
            if try(!(value == floor(value) && value >= 1 && value <= 1440), true)
          ],
          [
            for full in ["${local.longest_names}-${replace(pipeline, "_", "-")}-${replace(name, "_", "-")}-prod"] :
            "${local.folder}/pipelines.tf: name of ${pipeline}.schedules.${name} is \"${full}\"; expected at most 64 characters, it has ${length(full)}."
            if length(full) > 64
          ],
        )
      ]),
    )
  ])

  # ─── domain.json ───
  domain_problems = [
    for field in local.schemas.domain.required :
    "setup/domain.json: ${field} is ${try(jsonencode(local.domain[field]), "missing")}; expected ${local.schemas.domain.properties[field].expected}."
    if !can(regex(local.schemas.domain.properties[field].pattern, local.domain[field]))
  ]
}
