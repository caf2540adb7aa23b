--- Draws a suggestion behind the cursor.
local M = {}

local api = vim.api
local NAMESPACE = api.nvim_create_namespace("tabwright.ghost")
local GHOST, MORE = "TabwrightGhost", "TabwrightGhostMore"

--- Declares the colours; a colour scheme or the user may set them.
function M.setup()
  local known = vim.fn.hlexists("ComplHint") == 1
  api.nvim_set_hl(0, GHOST, { link = known and "ComplHint" or "NonText", default = true })
  api.nvim_set_hl(0, MORE, { link = GHOST, default = true })
end

--- The text with tabs as blanks: virtual text shows a tab as ^I.
local function blanks(text, column, width)
  local out = ""
  for piece, tab in text:gmatch("([^\t]*)(\t?)") do
    out = out .. piece
    if tab ~= "" then
      local at = column + vim.fn.strdisplaywidth(out)
      out = out .. (" "):rep(width - at % width)
    end
  end
  return out
end

--- What stands in virtual text instead of each line of `rest`, and how the first one is placed.
---
---@param rest string what is still to be inserted, lines ended by \n
---@param replaced string what it replaces, right of the cursor
---@param after string what stays behind it on the line
---@return string[] lines, string place, string kept what is moved behind the last line
local function laid_out(rest, replaced, after)
  local lines = vim.split(rest, "\n", { plain = true })
  local right = replaced .. after
  if #lines == 1 and vim.endswith(rest, replaced) then
    return { rest:sub(1, #rest - #replaced) }, "inline", ""
  end
  if right == "" then
    return lines, "inline", ""
  end
  if #lines == 1 then
    lines[1] = lines[1] .. after
  end
  -- The old text behind the cursor must not be seen twice: the overlay is as wide.
  local lacking = vim.fn.strdisplaywidth(right) - vim.fn.strdisplaywidth(lines[1])
  lines[1] = lines[1] .. (" "):rep(lacking)
  return lines, "overlay", #lines > 1 and after or ""
end

--- Shows what is still to be inserted at a place of a buffer.
---
---@param buffer integer
---@param row integer from 0
---@param col integer in bytes
---@param hint string shown behind it, "" for none
function M.show(buffer, row, col, rest, replaced, after, hint)
  M.clear(buffer)
  local lines, place, kept = laid_out(rest, replaced, after)
  local width = vim.bo[buffer].tabstop
  local line = api.nvim_buf_get_lines(buffer, row, row + 1, false)[1] or ""
  local start = vim.fn.strdisplaywidth(line:sub(1, col))
  local first = { { blanks(lines[1], start, width), GHOST } }
  local below = {}
  for number = 2, #lines do
    below[number - 1] = { { blanks(lines[number], 0, width), GHOST } }
  end
  local last = below[#below] or first
  if kept ~= "" then
    table.insert(last, { kept })
  end
  if hint ~= "" then
    table.insert(last, { " " .. hint, MORE })
  end
  api.nvim_buf_set_extmark(buffer, NAMESPACE, row, col, {
    virt_text = first,
    virt_text_pos = place,
    virt_lines = #below > 0 and below or nil,
    hl_mode = "combine",
  })
end

--- Takes every suggestion of a buffer off the screen.
---@param buffer integer
function M.clear(buffer)
  if api.nvim_buf_is_valid(buffer) then
    api.nvim_buf_clear_namespace(buffer, NAMESPACE, 0, -1)
  end
end

return M
