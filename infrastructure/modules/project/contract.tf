# ─── Contract ───
# What Terraform takes of a data contract (ODCS): the tables by layer and name, their columns in Glue's types. The
# jobs and `make check-inputs` read the same file (src/core/odcs.py), and tests hold the two against each other.

locals {
  document = try(merge(yamldecode(file(var.contract))), {})
  objects  = try([for each in local.document.schema : merge(each) if can(tostring(each.name))], [])

  # The table of a schema object: where it is, its name, its columns.
  described = [
    for object in local.objects : merge(object, {
      custom = { for each in try(object.customProperties, []) : each.property => each.value }
      layer  = try([for each in object.customProperties : tostring(each.value) if each.property == "layer"][0], "curated")
      table  = try(tostring(object.physicalName), object.name)
      columns = [
        for each in try(object.properties, []) : {
          name        = try(tostring(each.physicalName), tostring(each.name), "")
          type        = try(local.types["${object.name}/${each.name}"], "")
          comment     = try(replace(trimspace(each.description), "/\\s+/", " "), null)
          partitioned = try(each.partitioned == true, false)
          position    = try(each.partitionKeyPosition, 0)
          property    = each
        }
      ]
    })
  ]
  contract = {
    for layer in distinct(concat(["curated", "raw", "refined"], local.described[*].layer)) : layer => {
      for name, same in { for each in local.described : each.table => each... if each.layer == layer } : name => {
        columns = [for each in same[0].columns : each if layer != "raw" || !each.partitioned]
        custom  = same[0].custom
        # Glue has a description of a table on several lines, too.
        description = try(trimspace(same[0].description), "")
        object      = same[0].name
        partition_keys = [
          for key in sort([for number, each in same[0].columns : format("%04d %04d", each.position, number) if layer == "raw" && each.partitioned]) :
          same[0].columns[tonumber(split(" ", key)[1])]
        ]
      }
    }
  }

  # ─── Types ───
  # Glue's of each property, made from the logical one if the contract says no physical one. Terraform has no
  # recursion: four levels of objects and lists are followed.
  nodes_0 = merge({}, [for object in local.objects : { for each in try(object.properties, []) : "${object.name}/${each.name}" => each if can(tostring(each.name)) }]...)
  nodes_1 = merge({}, [for path, node in local.nodes_0 : merge({ for each in try(node.properties, []) : "${path}/${each.name}" => each }, { for each in try([node.items], []) : "${path}[]" => each })]...)
  nodes_2 = merge({}, [for path, node in local.nodes_1 : merge({ for each in try(node.properties, []) : "${path}/${each.name}" => each }, { for each in try([node.items], []) : "${path}[]" => each })]...)
  nodes_3 = merge({}, [for path, node in local.nodes_2 : merge({ for each in try(node.properties, []) : "${path}/${each.name}" => each }, { for each in try([node.items], []) : "${path}[]" => each })]...)
  nodes_4 = merge({}, [for path, node in local.nodes_3 : merge({ for each in try(node.properties, []) : "${path}/${each.name}" => each }, { for each in try([node.items], []) : "${path}[]" => each })]...)

  nodes = merge(local.nodes_0, local.nodes_1, local.nodes_2, local.nodes_3, local.nodes_4)

  physical = {
    for path, node in local.nodes :
    path => try(lower(replace(node.physicalType, "/\\s/", "")), "")
  }
  logical_types = {
    boolean      = "boolean", date = "date", integer = "int", number = "double", string = "string", time = "string", timestamp = "timestamp",
    "integer i8" = "tinyint", "integer i16" = "smallint", "integer i32" = "int", "integer i64" = "bigint", "integer i128" = "decimal(38,0)",
    "integer u8" = "smallint", "integer u16" = "int", "integer u32" = "bigint", "integer u64" = "decimal(20,0)", "integer u128" = "decimal(38,0)",
    "number f32" = "float", "number f64" = "double",
  }
  simple = {
    for path, node in local.nodes : path => try(
      local.physical[path] == "" ? local.logical_types["${node.logicalType} ${node.logicalTypeOptions.format}"] : local.physical[path],
      local.logical_types[node.logicalType],
      local.physical[path],
    )
  }
  is_nested = {
    for path, node in merge(local.nodes_0, local.nodes_1, local.nodes_2, local.nodes_3) : path =>
    contains(["", "array", "map", "struct"], local.physical[path]) ? try(node.logicalType == "object" && length(node.properties) > 0 ? "struct" : (node.logicalType == "array" && can(keys(node.items)) ? "array" : ""), try(node.logicalType == "array" && can(keys(node.items)) ? "array" : "", "")) : ""
  }
  types_4 = { for path, node in local.nodes_4 : path => local.simple[path] }
  types_3 = { for path, node in local.nodes_3 : path => local.is_nested[path] == "struct" ? "struct<${join(",", [for each in node.properties : "${try(each.physicalName, each.name)}:${local.types_4["${path}/${each.name}"]}"])}>" : local.is_nested[path] == "array" ? "array<${local.types_4["${path}[]"]}>" : local.simple[path] }
  types_2 = { for path, node in local.nodes_2 : path => local.is_nested[path] == "struct" ? "struct<${join(",", [for each in node.properties : "${try(each.physicalName, each.name)}:${local.types_3["${path}/${each.name}"]}"])}>" : local.is_nested[path] == "array" ? "array<${local.types_3["${path}[]"]}>" : local.simple[path] }
  types_1 = { for path, node in local.nodes_1 : path => local.is_nested[path] == "struct" ? "struct<${join(",", [for each in node.properties : "${try(each.physicalName, each.name)}:${local.types_2["${path}/${each.name}"]}"])}>" : local.is_nested[path] == "array" ? "array<${local.types_2["${path}[]"]}>" : local.simple[path] }
  types   = { for path, node in local.nodes_0 : path => local.is_nested[path] == "struct" ? "struct<${join(",", [for each in node.properties : "${try(each.physicalName, each.name)}:${local.types_1["${path}/${each.name}"]}"])}>" : local.is_nested[path] == "array" ? "array<${local.types_1["${path}[]"]}>" : local.simple[path] }
}
