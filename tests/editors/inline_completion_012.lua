-- Stands in for vim.lsp.inline_completion of Neovim 0.12, as its help describes it, where tests run
-- in 0.11: asks on its own after 200 ms, shows the first item, and inserts it when got.
local M = {}

local namespace = vim.api.nvim_create_namespace("nvim.lsp.inline_completion")
local current

local function hide()
  current = nil
  vim.api.nvim_buf_clear_namespace(0, namespace, 0, -1)
end

local function place(row, col)
  return { row = row, col = col }
end

local function receive(_, result)
  hide()
  local raw = result and result.items[1]
  if not raw then
    return
  end
  local from, to = raw.range.start, raw.range["end"]
  current = {
    insert_text = raw.insertText,
    range = { start = place(from.line, from.character), end_ = place(to.line, to.character) },
  }
  local lines = vim.split(raw.insertText, "\n")
  vim.api.nvim_buf_set_extmark(0, namespace, from.line, from.character, {
    virt_text = { { lines[1] } },
    virt_text_pos = "inline",
    virt_lines = vim.tbl_map(function(line)
      return { { line } }
    end, { unpack(lines, 2) }),
  })
end

local function ask(client)
  local params = vim.lsp.util.make_position_params(0, client.offset_encoding)
  params.context = { triggerKind = 2 }
  client:request("textDocument/inlineCompletion", params, receive, 0)
end

function M.enable(on, filter)
  assert(on and not filter.client_id)
  M.buffer = filter.bufnr
  vim.api.nvim_create_autocmd({ "InsertEnter", "CursorMovedI", "TextChangedP" }, {
    callback = function()
      hide()
      vim.defer_fn(function()
        local client = vim.lsp.get_clients({ bufnr = M.buffer })[1]
        if client then
          ask(client)
        end
      end, 200)
    end,
  })
  vim.api.nvim_create_autocmd("InsertLeave", { callback = hide })
end

function M.get(how)
  local item = current
  if not item then
    return false
  end
  vim.schedule(function()
    hide()
    if how and how.on_accept then
      how.on_accept(item)
      return
    end
    local from, to = item.range.start, item.range.end_
    local lines = vim.split(item.insert_text, "\n")
    vim.api.nvim_buf_set_text(0, from.row, from.col, to.row, to.col, lines)
    local col = (#lines == 1 and from.col or 0) + #lines[#lines]
    vim.api.nvim_win_set_cursor(0, { from.row + #lines, col })
  end)
  return true
end

function M.select(how)
  M.selected = how.count
end

vim.lsp.inline_completion = M
