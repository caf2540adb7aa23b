--- What the server suggests, as Neovim's columns have it; knows neither screen nor server.
local M = {}

local api = vim.api

---@class tabwright.Item
---@field text string all of it, from the start of its range
---@field before string the line up to its range
---@field replaced string what it replaces, right of the cursor
---@field after string the line behind its range

---@class tabwright.Place
---@field buffer integer
---@field tick integer
---@field row integer from 0
---@field col integer in bytes

--- The line of a place.
---@param place tabwright.Place
---@return string
function M.line_at(place)
  return api.nvim_buf_get_lines(place.buffer, place.row, place.row + 1, false)[1] or ""
end

--- What of an item is not typed yet; nil when the line has become another.
---@param item tabwright.Item
---@param place tabwright.Place
---@return string?
function M.rest_of(item, place)
  local line = M.line_at(place)
  if place.col < #item.before or line:sub(1, #item.before) ~= item.before then
    return nil
  end
  local typed = line:sub(#item.before + 1, place.col)
  if line:sub(place.col + 1) ~= item.replaced .. item.after or not vim.startswith(item.text, typed) then
    return nil
  end
  return item.text:sub(#typed + 1)
end

--- The server's items as ours; those that cannot be shown at a place are left out.
---@param result table? what the server answered
---@param place tabwright.Place
---@param encoding string of the server's positions
---@return tabwright.Item[]
function M.items_of(result, place, encoding)
  local line, found = M.line_at(place), {}
  for _, each in ipairs((result or {}).items or result or {}) do
    local text, range = each.insertText, each.range
    local from, to = place.col, place.col
    if range then
      from = vim.str_byteindex(line, encoding, range.start.character, false)
      to = vim.str_byteindex(line, encoding, range["end"].character, false)
    end
    local here_only = not range or (range.start.line == place.row and range["end"].line == place.row)
    if type(text) == "string" and here_only and from <= place.col and place.col <= to then
      local item = {
        text = text:gsub("\r\n?", "\n"),
        before = line:sub(1, from),
        replaced = line:sub(place.col + 1, to),
        after = line:sub(to + 1),
      }
      if (M.rest_of(item, place) or "") ~= "" then
        table.insert(found, item)
      end
    end
  end
  return found
end

--- The first word of a text, with what stands before it.
function M.first_word(text)
  local word = text:match("^%s*[%w_\128-\255]+") or text:match("^%s*[^%w_%s\128-\255]+")
  return word or text
end

--- The first line of a text; of one that begins with a line end, that and the line below.
function M.first_line(text)
  return text:match("^\n?[^\n]*")
end

return M
