"""Judge a Terraform plan: questions to ask it, the rules that it has to keep, and the gate that says so.

It needs nothing but Python, as the gate is installed in other repositories, too.
"""
