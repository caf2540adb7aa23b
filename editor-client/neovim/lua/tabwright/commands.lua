--- The user's commands.
local M = {}

local WARN = vim.log.levels.WARN
local LANGUAGES = {
  "python", "javascript", "typescript", "java", "cpp", "c", "go", "rust", "csharp", "shellscript",
}

local function tell(...)
  require("tabwright").tell(...)
end

--- Runs a command of the server; `done` gets its answer, failures are told.
---@param name string without "tabwright."
---@param argument table
---@param done fun(answer: table)
local function run(name, argument, done)
  local buffer = vim.api.nvim_get_current_buf()
  local client = require("tabwright").client(buffer)
  if not client then
    tell("no server runs for this buffer; :TabwrightStart starts one", WARN)
    return
  end
  local params = { command = "tabwright." .. name, arguments = { argument } }
  client:request("workspace/executeCommand", params, function(err, answer)
    if err then
      tell(("%s failed: %s"):format(name, err.message or "no answer"), vim.log.levels.ERROR)
    else
      done(answer or {})
    end
  end, buffer)
end

--- The lines that a command was given, or the place of the cursor.
local function argument_of(command)
  local client = require("tabwright").client(0)
  local argument = { uri = vim.uri_from_bufnr(0), version = vim.lsp.util.buf_versions[vim.fn.bufnr()] }
  if not client then
    return argument
  end
  argument.range = vim.lsp.util.make_range_params(0, client.offset_encoding).range
  if command.range > 0 then
    argument.range = {
      start = { line = command.line1 - 1, character = 0 },
      ["end"] = { line = command.line2, character = 0 },
    }
  end
  return argument
end

local function outcome(answer, done)
  local reason = answer.reason or ""
  if reason ~= "" then
    tell(reason, WARN)
  elseif done then
    tell(done)
  end
end

local function edit(command)
  local argument = argument_of(command)
  argument.apply = true
  local function go(instruction)
    if not instruction or vim.trim(instruction) == "" then
      return
    end
    argument.instruction = instruction
    run("edit", argument, function(answer)
      outcome(answer, "edited; u takes it back, and another :TabwrightEdit goes on from here")
    end)
  end
  if command.args ~= "" then
    go(command.args)
  else
    vim.ui.input({ prompt = "Edit: " }, go)
  end
end

local function translate(command)
  local argument = argument_of(command)
  argument.target = command.args
  run("translate", argument, function(answer)
    outcome(answer, answer.applied and "translated" or nil)
  end)
end

local function explain(command)
  run("explain", argument_of(command), function(answer)
    if (answer.markdown or "") == "" then
      outcome(answer)
      return
    end
    local lines = vim.split(vim.trim(answer.markdown), "\n", { plain = true })
    vim.lsp.util.open_floating_preview(lines, "markdown", { border = "rounded", focus_id = "tabwright" })
  end)
end

local function why()
  run("why", vim.empty_dict(), function(answer)
    local detail = (answer.detail or "") ~= "" and (": " .. answer.detail) or ""
    local ms = type(answer.ms) == "number" and (" (%.0f ms, %s)"):format(answer.ms, answer.source) or ""
    tell((answer.reason or "nothing was asked yet") .. detail .. ms)
  end)
end

local function status()
  run("status", vim.empty_dict(), function(answer)
    local words = { ("%s, model %s"):format(answer.state, answer.model) }
    if type(answer.last_ms) == "number" then
      table.insert(words, ("last answer %.0f ms"):format(answer.last_ms))
    end
    table.insert(words, ("%d requests"):format(answer.requests or 0))
    if type(answer.problem) == "string" then
      table.insert(words, answer.problem)
    end
    tell(table.concat(words, ", "))
  end)
end

local function pull(command)
  run("pull", { model = command.args }, function(answer)
    tell(answer.message or "pulled", answer.ok and vim.log.levels.INFO or WARN)
  end)
end

local function toggle()
  vim.g.tabwright = vim.g.tabwright == false
  require("tabwright.ghost").dismiss()
  tell(vim.g.tabwright and "suggestions are on" or "suggestions are off")
end

local RANGE = { range = true }

--- Declares the commands.
function M.setup()
  local function command(name, run_it, how, desc)
    how = vim.tbl_extend("error", how, { desc = "Tabwright: " .. desc })
    vim.api.nvim_create_user_command("Tabwright" .. name, run_it, how)
  end
  local function languages(start)
    return vim.tbl_filter(function(each)
      return vim.startswith(each, start)
    end, LANGUAGES)
  end
  local words = vim.tbl_extend("error", RANGE, { nargs = 1, complete = languages })
  command("Edit", edit, vim.tbl_extend("error", RANGE, { nargs = "*" }), "edit as an instruction says")
  command("Translate", translate, words, "translate into another language")
  command("Explain", explain, RANGE, "explain the code here")
  command("Why", why, {}, "why the last request showed what it showed")
  command("Status", status, {}, "the state of server and model")
  command("Pull", pull, { nargs = "?" }, "fetch a model")
  command("Toggle", toggle, {}, "switch suggestions on or off")
  command("Start", require("tabwright.life").start, {}, "start the server again")
end

return M
