--- The same keys on the inline completion that Neovim 0.12 has itself.
local M = {}

local api = vim.api
local suggestions = require("tabwright.suggestions")

--- A side of Neovim's own range, whose fields are named differently from release to release.
local function side(range, which)
  local nested = range[which == "end" and "end_" or which]
  if type(nested) == "table" then
    return nested.row, nested.col
  end
  return range[which .. "_row"], range[which .. "_col"]
end

--- Inserts a piece of what is not typed yet; the rest comes with Neovim's next request.
local function insert(item, piece_of)
  local row, col = unpack(api.nvim_win_get_cursor(0))
  local text, typed = item.insert_text, ""
  if type(text) ~= "string" then
    return
  end
  local replaced_to = col
  if item.range then
    local start_row, start_col = side(item.range, "start")
    local _, end_col = side(item.range, "end")
    local line = api.nvim_get_current_line()
    if start_row ~= row - 1 or start_col > col then
      return
    end
    typed, replaced_to = line:sub(start_col + 1, col), math.max(col, end_col)
  end
  if not vim.startswith(text, typed) then
    return
  end
  local rest = text:sub(#typed + 1):gsub("\r\n?", "\n")
  local piece = piece_of(rest)
  local lines = vim.split(piece, "\n", { plain = true })
  local to = #piece == #rest and replaced_to or col
  api.nvim_buf_set_text(0, row - 1, col, row - 1, to, lines)
  local start = #lines == 1 and col or 0
  api.nvim_win_set_cursor(0, { row + #lines - 1, start + #lines[#lines] })
end

local function accepting(piece_of)
  return function()
    return vim.lsp.inline_completion.get({
      on_accept = function(item)
        insert(item, piece_of)
      end,
    })
  end
end

function M.accept()
  return vim.lsp.inline_completion.get()
end

M.accept_word = accepting(suggestions.first_word)
M.accept_line = accepting(suggestions.first_line)

--- Accepting into nothing is how an item is put away: Neovim has no other way to say so.
function M.dismiss()
  return vim.lsp.inline_completion.get({ on_accept = function() end })
end

--- Neovim asks by itself only.
function M.invoke()
  return false
end

local function cycle(by)
  local visible = #api.nvim_buf_get_extmarks(
    0,
    api.nvim_create_namespace("nvim.lsp.inline_completion"),
    0,
    -1,
    { limit = 1 }
  ) > 0
  if visible then
    vim.lsp.inline_completion.select({ count = by })
  end
  return visible
end

function M.next()
  return cycle(1)
end

function M.previous()
  return cycle(-1)
end

return M
