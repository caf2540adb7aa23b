--- Keys that act on ghost text and, where none is shown, do what they did before.
local M = {}

local api = vim.api
local MODE = "i"

---@type table<integer, table<string, table|false>> what each key did in a buffer before
local before = {}
---@type table<integer, table<string, string>> keys that stepped aside, by action
local aside = {}

--- What acts on the ghost text of Neovim's own inline completion, each true if it did.
local function native()
  return require("tabwright.native")
end

local function own()
  return require("tabwright.ghost")
end

local function act(action)
  local ghost = require("tabwright").native() and native() or own()
  return ghost[action]()
end

local function set(buffer, action, key)
  vim.keymap.set(MODE, key, function()
    if not act(action) then
      M.fall_back(buffer, action, key)
    end
  end, { buffer = buffer, desc = "Tabwright: " .. action:gsub("_", " ") })
end

--- Takes the keys of a buffer over.
---@param buffer integer
function M.install(buffer)
  if before[buffer] then
    return
  end
  before[buffer] = {}
  for action, key in pairs(require("tabwright").config.keys) do
    if key then
      local mapped = api.nvim_buf_call(buffer, function()
        return vim.fn.maparg(key, MODE, false, true)
      end)
      before[buffer][key] = mapped.buffer == 1 and mapped or false
      set(buffer, action, key)
    end
  end
end

local function give_back(buffer, key)
  pcall(api.nvim_buf_del_keymap, buffer, MODE, key)
  local mapped = before[buffer][key]
  if mapped then
    api.nvim_buf_call(buffer, function()
      vim.fn.mapset(MODE, false, mapped)
    end)
  end
end

--- Gives the keys of a buffer back.
---@param buffer integer
function M.remove(buffer)
  if before[buffer] and api.nvim_buf_is_valid(buffer) then
    for key in pairs(before[buffer]) do
      give_back(buffer, key)
    end
  end
  before[buffer] = nil
  aside[buffer] = nil
end

--- Presses a key as if it were not ours: the user's own mapping of it runs, or the key itself.
---
--- Ours steps aside and comes back right behind the key, so that Neovim itself resolves whatever
--- kind of mapping is there.
function M.fall_back(buffer, action, key)
  if not before[buffer] then
    return
  end
  give_back(buffer, key)
  aside[buffer] = aside[buffer] or {}
  aside[buffer][action] = key
  local words = "<Cmd>lua require('tabwright.keys').come_back(%d, '%s')<CR>"
  local back = vim.keycode(words:format(buffer, action))
  api.nvim_feedkeys(back, "ni", false)
  api.nvim_feedkeys(vim.keycode(key), "mi", false)
end

--- Takes the key of one action over again.
function M.come_back(buffer, action)
  local key = (aside[buffer] or {})[action]
  if key and before[buffer] and api.nvim_buf_is_valid(buffer) then
    aside[buffer][action] = nil
    set(buffer, action, key)
  end
end

--- Takes over again what an error in the user's own mapping kept from coming back.
function M.mend(buffer)
  for action in pairs(vim.deepcopy(aside[buffer] or {})) do
    M.come_back(buffer, action)
  end
end

return M
