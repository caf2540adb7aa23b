--- Tabwright for Neovim: setup, and what the other files ask about it.
local M = {}

M.defaults = {
  cmd = { "tabwright", "serve" },
  -- The server's section "tabwright", for instance { completion = { maxTokens = 64 } }.
  settings = {},
  -- nil: every file.
  filetypes = nil,
  -- "auto": Neovim's own inline completion where it has one (0.12), else ours; "own"; "native";
  -- false: no ghost text, and completion plugins get the suggestion instead.
  ghost_text = "auto",
  debounce_ms = 25,
  -- false leaves a key alone. Without ghost text on the screen each key does what it did before.
  keys = {
    accept = "<Tab>",
    accept_word = "<M-Right>",
    accept_line = "<M-C-Right>",
    next = "<M-]>",
    previous = "<M-[>",
    dismiss = "<C-]>",
    invoke = "<M-Bslash>",
  },
  -- How often a server that died is started again within three minutes.
  restarts = 4,
}
M.config = vim.deepcopy(M.defaults)

local CHECKS = {
  cmd = { "table" },
  settings = { "table" },
  filetypes = { "table", "nil" },
  ghost_text = { "string", "boolean" },
  debounce_ms = { "number" },
  keys = { "table" },
  restarts = { "number" },
}
local GHOSTS = { auto = true, own = true, native = true }

--- Shows a message of ours.
---@param message string
---@param level? integer one of vim.log.levels
function M.tell(message, level)
  vim.notify("Tabwright: " .. message, level or vim.log.levels.INFO)
end

local function complain(what, value)
  local words = "setup: %s cannot be %s; the default is used"
  M.tell(words:format(what, vim.inspect(value)), vim.log.levels.WARN)
end

--- The options with each bad value told and replaced by its default.
local function checked(options)
  local good = {}
  for name, value in pairs(type(options) == "table" and options or {}) do
    local ghost = name ~= "ghost_text" or value == false or GHOSTS[value]
    if CHECKS[name] and ghost and vim.list_contains(CHECKS[name], type(value)) then
      good[name] = value
    else
      complain(CHECKS[name] and name or ("an option " .. tostring(name)), value)
    end
  end
  for action, key in pairs(good.keys or {}) do
    if not M.defaults.keys[action] or (key ~= false and type(key) ~= "string") then
      complain("keys." .. tostring(action), key)
      good.keys[action] = nil
    end
  end
  return vim.tbl_deep_extend("force", vim.deepcopy(M.defaults), good)
end

--- The server's section "tabwright", as the user's own configuration says it.
---@return table
function M.settings()
  -- An empty Lua table would be sent as a list.
  return vim.tbl_extend("error", vim.empty_dict(), M.config.settings)
end

--- Starts the server for files that are open and for those opened later.
---@param options? table see defaults
function M.setup(options)
  if vim.fn.has("nvim-0.11") == 0 then
    M.tell("needs Neovim 0.11 or newer", vim.log.levels.ERROR)
    return
  end
  M.config = checked(options)
  local ghost = require("tabwright.ghost")
  local own = M.config.ghost_text ~= false and not M.native()
  ghost.setup(M.config.debounce_ms)
  require("tabwright.commands").setup()
  local life = require("tabwright.life")
  life.setup()
  vim.lsp.config("tabwright", {
    cmd = M.config.cmd,
    filetypes = M.config.filetypes,
    -- No `settings`: a plugin may put a workspace's file there. Ours are sent here, and asked for by
    -- the server, which the handlers answer, so they are the user's alone.
    init_options = { tabwright = M.settings(), trust = { settings = "separate" } },
    -- Takes the place of a hook for all servers, which may put a workspace's settings into ours.
    before_init = function(_, config)
      config.settings = {}
    end,
    capabilities = {
      -- Neovim checks the version that an edit was made for, but does not say so.
      workspace = { workspaceEdit = { documentChanges = true } },
      -- With ghost text the server leaves the menu alone.
      textDocument = own and { inlineCompletion = { dynamicRegistration = false } } or nil,
    },
    handlers = require("tabwright.messages").handlers,
    on_init = require("tabwright.diagnostics").attach,
    on_exit = life.ended,
  })
  if vim.fn.executable(M.config.cmd[1] or "") == 0 then
    local words = "%s is not here. Install Tabwright, or set cmd to where it is."
    M.tell(words:format(M.config.cmd[1] or "no command"), vim.log.levels.ERROR)
    return
  end
  vim.lsp.enable("tabwright")
end

--- Whether ghost text is left to Neovim's own inline completion.
function M.native()
  local wanted = M.config.ghost_text
  return vim.lsp.inline_completion ~= nil and (wanted == "auto" or wanted == "native")
end

--- The client that serves a buffer, nil while none does.
---@param buffer integer 0 for the current one
---@return vim.lsp.Client?
function M.client(buffer)
  return vim.lsp.get_clients({ bufnr = buffer, name = "tabwright" })[1]
end

return M
