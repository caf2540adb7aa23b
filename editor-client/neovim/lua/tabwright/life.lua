--- What happens when a server comes and goes.
local M = {}

local WINDOW_S = 180
local FIRST_WAIT_MS = 200

---@type table<integer, { config: vim.lsp.ClientConfig, buffers: table<integer, boolean> }>
local served = {}
---@type number[] seconds of the restarts of the last minutes
local restarts = {}

local function tabwright()
  return require("tabwright")
end

local function attached(args)
  local client = vim.lsp.get_client_by_id(args.data.client_id)
  if not client or client.name ~= "tabwright" then
    return
  end
  local known = served[client.id] or { config = client.config, buffers = {} }
  served[client.id] = known
  known.buffers[args.buf] = true
  if tabwright().config.ghost_text == false then
    return
  end
  if tabwright().native() then
    -- By client alone it stays off in buffers that are attached later.
    vim.lsp.inline_completion.enable(true, { bufnr = args.buf })
  else
    require("tabwright.ghost").attach(args.buf)
  end
  require("tabwright.keys").install(args.buf)
end

local function detached(args)
  local known = served[args.data.client_id]
  if known then
    require("tabwright.ghost").detach(args.buf)
    require("tabwright.keys").remove(args.buf)
  end
end

--- Follows the server's clients.
function M.setup()
  local group = vim.api.nvim_create_augroup("tabwright.life", {})
  vim.api.nvim_create_autocmd("LspAttach", { group = group, callback = attached })
  vim.api.nvim_create_autocmd("LspDetach", { group = group, callback = detached })
  vim.api.nvim_create_autocmd("InsertEnter", {
    group = group,
    callback = function(args)
      require("tabwright.keys").mend(args.buf)
    end,
  })
end

local function recent(now)
  restarts = vim.tbl_filter(function(at)
    return now - at < WINDOW_S
  end, restarts)
  return #restarts
end

local function restart(known)
  for buffer in pairs(known.buffers) do
    if vim.api.nvim_buf_is_loaded(buffer) then
      vim.lsp.start(known.config, { bufnr = buffer })
    end
  end
end

--- A server's process ended: one that was not asked to is started again, a few times.
---@param code integer
---@param signal integer
---@param client_id integer
function M.ended(code, signal, client_id)
  local wanted = (code == 0 and signal == 0) or signal == 15 or code == 143
  vim.schedule(function()
    local known = served[client_id]
    served[client_id] = nil
    if wanted or vim.v.exiting ~= vim.NIL or not known then
      return
    end
    for buffer in pairs(known.buffers) do
      require("tabwright.ghost").detach(buffer)
    end
    local now = vim.uv.hrtime() / 1e9
    local times = recent(now)
    if times >= tabwright().config.restarts then
      local words = "the server ended %d times within three minutes and stays off. "
        .. ":TabwrightStart tries again; 'tabwright doctor' in a terminal tells more."
      tabwright().tell(words:format(times + 1), vim.log.levels.ERROR)
      return
    end
    table.insert(restarts, now)
    vim.defer_fn(function()
      restart(known)
    end, FIRST_WAIT_MS * 2 ^ times)
  end)
end

--- Starts the server again, whatever happened before.
function M.start()
  restarts = {}
  vim.lsp.enable("tabwright")
end

return M
