-- Found by vim.lsp.enable("tabwright"); require("tabwright").setup() adds ghost text and commands.
return {
  cmd = { "tabwright", "serve" },
  root_markers = { ".git" },
  capabilities = { workspace = { workspaceEdit = { documentChanges = true } } },
}
