--- :checkhealth tabwright
local M = {}

local function server(health)
  local client = require("tabwright").client(0) or vim.lsp.get_clients({ name = "tabwright" })[1]
  if not client then
    health.warn("no server runs", { "open a file", ":TabwrightStart starts one again" })
    return
  end
  local params = { command = "tabwright.status", arguments = { vim.empty_dict() } }
  local answer = client:request_sync("workspace/executeCommand", params, 3000, 0)
  local status = answer and answer.result
  if not status then
    health.error("the server does not answer", { ":TabwrightStart", "tabwright doctor, in a terminal" })
  elseif status.state == "ready" then
    health.ok(("the server runs and %s is loaded"):format(status.model))
  else
    local problem = type(status.problem) == "string" and status.problem or status.state
    health.warn(("%s: %s"):format(status.model, problem), { ":TabwrightPull fetches the model" })
  end
end

--- Says what works and what is lacking.
function M.check()
  local health, config = vim.health, require("tabwright").config
  health.start("Tabwright")
  if vim.fn.has("nvim-0.11") == 0 then
    health.error("Neovim 0.11 or newer is needed")
    return
  end
  local program = config.cmd[1] or ""
  if vim.fn.executable(program) == 0 then
    health.error(program .. " is not here", { "install Tabwright", "or set cmd to where it is" })
    return
  end
  health.ok(program .. " is here")
  health.info("ghost text: " .. (config.ghost_text == false and "off"
    or require("tabwright").native() and "Neovim's own" or "ours"))
  server(health)
end

return M
