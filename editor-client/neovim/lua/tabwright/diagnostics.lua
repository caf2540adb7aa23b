--- Sends every tool's diagnostics along when code actions are asked for.
---
--- Neovim sends a server only the diagnostics that this server itself reported, and Tabwright mends
--- those of others.
local M = {}

local METHOD = "textDocument/codeAction"

local function position(buffer, row, col, encoding)
  local line = vim.api.nvim_buf_get_lines(buffer, row, row + 1, false)[1] or ""
  return { line = row, character = vim.str_utfindex(line, encoding, math.min(col, #line), false) }
end

--- A diagnostic as the protocol has it, in positions of one encoding.
---@param found vim.Diagnostic
---@param encoding string
function M.sent(found, encoding)
  local from = ((found.user_data or {}).lsp or {}).relatedInformation
  local end_row, end_col = found.end_lnum or found.lnum, found.end_col or found.col
  return {
    range = {
      start = position(found.bufnr, found.lnum, found.col, encoding),
      ["end"] = position(found.bufnr, end_row, end_col, encoding),
    },
    message = found.message,
    severity = found.severity,
    source = found.source,
    code = found.code,
    relatedInformation = from,
  }
end

--- The diagnostics on the lines of a request, behind those that it has already.
local function completed(params, buffer, encoding)
  local first, last = params.range.start.line, params.range["end"].line
  local all, known = vim.deepcopy(params.context.diagnostics or {}), {}
  for _, each in ipairs(all) do
    known[each.message .. each.range.start.line] = true
  end
  for _, each in ipairs(vim.diagnostic.get(buffer)) do
    local touches = each.lnum <= last and (each.end_lnum or each.lnum) >= first
    if touches and not known[each.message .. each.lnum] then
      table.insert(all, M.sent(each, encoding))
    end
  end
  local context = vim.tbl_extend("force", params.context, { diagnostics = all })
  return vim.tbl_extend("force", params, { context = context })
end

--- Has a client's requests for code actions completed.
---@param client vim.lsp.Client
function M.attach(client)
  local request = client.request
  client.request = function(self, method, params, handler, buffer, ...)
    if method == METHOD and params.context and params.range then
      local about = vim.uri_to_bufnr(params.textDocument.uri)
      params = completed(params, about, client.offset_encoding)
    end
    return request(self, method, params, handler, buffer, ...)
  end
end

return M
