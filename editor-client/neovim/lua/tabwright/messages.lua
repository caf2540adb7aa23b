--- The server's messages and questions.
local M = {}

local LEVELS = { vim.log.levels.ERROR, vim.log.levels.WARN, vim.log.levels.INFO }
local QUESTION = "window/showMessageRequest"

--- Shows a message through vim.notify, as ours are.
local function shown(_, params)
  require("tabwright").tell((params.message:gsub("^Tabwright: ", "")), LEVELS[params.type])
end

--- Asks once the user has stopped typing: a list that opens under the fingers takes their keys.
local function asked(err, params, ctx)
  local handler = vim.lsp.handlers[QUESTION]
  local routine, is_main = coroutine.running()
  if routine and not is_main and vim.api.nvim_get_mode().mode:sub(1, 1) == "i" then
    vim.api.nvim_create_autocmd("InsertLeave", {
      once = true,
      callback = vim.schedule_wrap(function()
        coroutine.resume(routine)
      end),
    })
    coroutine.yield()
  end
  return handler(err, params, ctx)
end

--- Answers for our section with the table that setup() got: the server is told that no workspace's
--- settings are in it.
local function configured(_, params)
  return vim.tbl_map(function(item)
    return item.section == "tabwright" and require("tabwright").settings() or vim.NIL
  end, params.items or {})
end

M.handlers = {
  ["window/showMessage"] = shown,
  [QUESTION] = asked,
  ["workspace/configuration"] = configured,
}

return M
