--- Ghost text for Neovim 0.11: asks for inline completions, shows one, and inserts it.
local M = {}

local api = vim.api
local drawing = require("tabwright.drawing")
local suggestions = require("tabwright.suggestions")

local METHOD = "textDocument/inlineCompletion"
local INVOKED, AUTOMATIC = 1, 2

---@type { buffer: integer, row: integer, count: integer, items: tabwright.Item[], index: integer,
---  invoked: boolean }?
local shown
---@type { client: vim.lsp.Client, id: integer, place: tabwright.Place }?
local pending
---@type tabwright.Place?
local seen
local timer = assert(vim.uv.new_timer())
local debounce_ms = 25
---@type table<integer, integer> groups of autocommands by buffer
local groups = {}

---@return tabwright.Place
local function here()
  local row, col = unpack(api.nvim_win_get_cursor(0))
  local buffer = api.nvim_get_current_buf()
  return { buffer = buffer, tick = vim.b[buffer].changedtick, row = row - 1, col = col }
end

local function inserting()
  return api.nvim_get_mode().mode:sub(1, 1) == "i"
end

local function wanted(buffer)
  return vim.g.tabwright ~= false and vim.b[buffer].tabwright ~= false
end

--- The item on the screen and what of it is not typed yet, as long as both still hold.
local function current()
  local place = here()
  local same = shown
    and shown.buffer == place.buffer
    and shown.row == place.row
    and shown.count == api.nvim_buf_line_count(place.buffer)
  if not shown or not same or not inserting() then
    return nil
  end
  local item = shown.items[shown.index]
  local rest = suggestions.rest_of(item, place)
  if rest and rest ~= "" then
    return item, rest, place
  end
end

local function hide()
  if shown then
    drawing.clear(shown.buffer)
    shown = nil
  end
end

local function cancel()
  timer:stop()
  if pending then
    pending.client:cancel_request(pending.id)
    pending = nil
  end
end

local function draw()
  local item, rest, place = current()
  if not shown or not item or not place then
    hide()
    return false
  end
  local several = shown.invoked and #shown.items > 1
  local hint = several and ("(%d/%d)"):format(shown.index, #shown.items) or ""
  drawing.show(place.buffer, place.row, place.col, rest, item.replaced, item.after, hint)
  return true
end

local function receive(asked, kind, err, result)
  if pending ~= asked then
    return
  end
  pending = nil
  -- An answer to what has been left or edited since is of no use, whatever it says.
  if err or not inserting() or not vim.deep_equal(asked.place, here()) then
    return
  end
  local place = asked.place
  local items = suggestions.items_of(result, place, asked.client.offset_encoding)
  if #items == 0 then
    if kind == AUTOMATIC then
      hide()
    elseif not shown then
      require("tabwright").tell("no suggestion here; :TabwrightWhy tells why")
    end
    return
  end
  local another = kind == INVOKED and shown ~= nil and #items > 1
  shown = {
    buffer = place.buffer,
    row = place.row,
    count = api.nvim_buf_line_count(place.buffer),
    items = items,
    index = another and 2 or 1,
    invoked = kind == INVOKED,
  }
  draw()
end

local function ask(kind)
  cancel()
  local place = here()
  local client = require("tabwright").client(place.buffer)
  if not client or not client:supports_method(METHOD, place.buffer) then
    return
  end
  local params = vim.lsp.util.make_position_params(0, client.offset_encoding)
  params.context = { triggerKind = kind }
  local asked = { client = client, id = -1, place = place }
  local sent, id = client:request(METHOD, params, function(err, result)
    receive(asked, kind, err, result)
  end, place.buffer)
  if sent and id then
    asked.id = id
    pending = asked
  end
end

--- Takes in that the text, the cursor or the mode is another.
local function moved(event)
  local place = here()
  if vim.deep_equal(place, seen) and event ~= "InsertEnter" then
    return
  end
  local typed = not seen or seen.buffer ~= place.buffer or seen.tick ~= place.tick
  seen = place
  if vim.fn.pumvisible() == 1 then
    -- The menu is about something else, and it covers the place.
    cancel()
    hide()
    seen = nil
    return
  end
  if draw() then
    return
  end
  cancel()
  if (typed or event == "InsertEnter") and wanted(place.buffer) then
    timer:start(debounce_ms, 0, vim.schedule_wrap(function()
      if inserting() and vim.deep_equal(place, here()) then
        ask(AUTOMATIC)
      end
    end))
  end
end

local function left()
  cancel()
  hide()
  seen = nil
end

--- Inserts a piece of what is shown, as an edit that can be undone by itself.
local function insert(piece)
  local item, rest, place = current()
  if not shown or not item or not rest or not place then
    return
  end
  local all = #piece == #rest
  local to = place.col + (all and #item.replaced or 0)
  local lines = vim.split(piece, "\n", { plain = true })
  vim.go.undolevels = vim.go.undolevels -- ends the block of undo, says its documentation
  api.nvim_buf_set_text(place.buffer, place.row, place.col, place.row, to, lines)
  local col = #lines[#lines] + (#lines == 1 and place.col or 0)
  api.nvim_win_set_cursor(0, { place.row + #lines, col })
  vim.go.undolevels = vim.go.undolevels
  if all then
    hide()
    return
  end
  local now = here()
  shown.row, shown.count, shown.index = now.row, api.nvim_buf_line_count(now.buffer), 1
  shown.items = {
    {
      text = rest:sub(#piece + 1),
      before = suggestions.line_at(now):sub(1, now.col),
      replaced = item.replaced,
      after = item.after,
    },
  }
  shown.invoked = false
  draw()
end

local function accepting(piece_of)
  return function()
    local _, rest = current()
    if not rest then
      return false
    end
    insert(piece_of(rest))
    return true
  end
end

-- What keys do; each is true when there was ghost text to do it with.

--- Inserts all of the suggestion.
M.accept = accepting(function(rest)
  return rest
end)

--- Inserts the next word of the suggestion, or its next line.
M.accept_word = accepting(suggestions.first_word)
M.accept_line = accepting(suggestions.first_line)

--- Takes the suggestion off the screen until something is typed.
function M.dismiss()
  local was = current() ~= nil
  cancel()
  hide()
  return was
end

--- Asks by hand, for several.
function M.invoke()
  if inserting() then
    ask(INVOKED)
  end
  return inserting()
end

local function cycle(by)
  if not shown or not current() then
    return false
  end
  if not shown.invoked then
    ask(INVOKED)
    return true
  end
  -- Only those that agree with what was typed since can be shown.
  for _ = 1, #shown.items do
    shown.index = (shown.index - 1 + by) % #shown.items + 1
    if current() then
      break
    end
  end
  draw()
  return true
end

--- Shows the next or the previous of several suggestions; asks for several first.
function M.next()
  return cycle(1)
end

function M.previous()
  return cycle(-1)
end

--- Whether ghost text is on the screen.
function M.visible()
  return current() ~= nil
end

--- Prepares colours and takes the wait between a key and its request.
---@param wait_ms integer
function M.setup(wait_ms)
  debounce_ms = wait_ms
  drawing.setup()
end

--- Follows what is typed in a buffer.
---@param buffer integer
function M.attach(buffer)
  if groups[buffer] then
    return
  end
  groups[buffer] = api.nvim_create_augroup("tabwright.ghost." .. buffer, {})
  local function on(events, callback)
    local how = { group = groups[buffer], buffer = buffer, callback = callback }
    api.nvim_create_autocmd(events, how)
  end
  on({ "TextChangedI", "TextChangedP", "CursorMovedI" }, function(args)
    moved(args.event)
  end)
  local entered = vim.schedule_wrap(function(args)
    if inserting() and api.nvim_get_current_buf() == buffer then
      moved(args.event)
    end
  end)
  -- Neither is over yet when its event comes: the cursor may still move.
  on({ "InsertEnter", "CompleteDone" }, entered)
  on({ "InsertLeave", "BufLeave" }, left)
  -- Somebody may have typed and be waiting since before the server was there.
  entered({ event = "InsertEnter" })
end

--- Follows a buffer no more.
---@param buffer integer
function M.detach(buffer)
  if not groups[buffer] then
    return
  end
  api.nvim_del_augroup_by_id(groups[buffer])
  groups[buffer] = nil
  if pending and pending.place.buffer == buffer then
    timer:stop()
    pending = nil
  end
  if shown and shown.buffer == buffer then
    hide()
  end
end

return M
