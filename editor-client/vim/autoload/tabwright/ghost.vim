vim9script
# Ghost text: asks for a suggestion, shows it as virtual text, and inserts it.

import autoload './server.vim'

const GHOST = 'tabwright_ghost'
const AUTOMATIC = 2

# What is shown: buffer, lnum, count of lines, text of all, and the line before, replaced and after.
var shown: dict<any> = {}
var seen: list<number> = []
var timer = 0
var pending = -1
var on = true

def Prepare()
  if empty(prop_type_get(GHOST))
    hlset([{name: 'TabwrightGhost', linksto: 'NonText', default: true}])
    prop_type_add(GHOST, {highlight: 'TabwrightGhost', override: true})
  endif
enddef

def Here(): list<number>
  return [bufnr(), b:changedtick, line('.'), col('.')]
enddef

def Inserting(): bool
  return mode() =~ '^i'
enddef

# What of the suggestion is not typed yet; '' when it no longer fits.
def Rest(): string
  if empty(shown) || !Inserting() || shown.buffer != bufnr() || shown.lnum != line('.')
      || shown.count != line('$')
    return ''
  endif
  var text = getline('.')
  var typed = strpart(text, 0, col('.') - 1)
  if stridx(typed, shown.before) != 0
      || strpart(text, col('.') - 1) !=# shown.replaced .. shown.after
    return ''
  endif
  typed = strpart(typed, strlen(shown.before))
  return stridx(shown.text, typed) == 0 ? strpart(shown.text, strlen(typed)) : ''
enddef

export def Visible(): bool
  return Rest() != ''
enddef

def Clear()
  Prepare()
  if !empty(shown) && bufloaded(shown.buffer)
    prop_remove({type: GHOST, bufnr: shown.buffer, all: true})
  endif
enddef

def Hide()
  Clear()
  shown = {}
enddef

def Draw(): bool
  var rest = Rest()
  Clear()
  if rest == ''
    shown = {}
    return false
  endif
  var lines = split(rest, "\n", true)
  var tail = shown.replaced
  if len(lines) == 1 && tail != '' && rest[-len(tail) :] ==# tail
    lines[0] = rest[: -1 - len(tail)]
  endif
  if lines[0] != ''
    prop_add(line('.'), col('.'), {type: GHOST, text: substitute(lines[0], "\t", repeat(' ', &tabstop), 'g')})
  endif
  for below in lines[1 :]
    var text = substitute(below, "\t", repeat(' ', &tabstop), 'g')
    prop_add(line('.'), 0, {type: GHOST, text: text == '' ? ' ' : text, text_align: 'below'})
  endfor
  return true
enddef

def CancelAll()
  timer_stop(timer)
  if pending >= 0
    server.Cancel(pending)
    pending = -1
  endif
enddef

def Receive(place: list<number>, result: any)
  # An answer to what has been left or edited since is of no use, whatever it says.
  if !Inserting() || place != Here()
    return
  endif
  pending = -1
  Hide()
  var items = type(result) == v:t_dict ? result.items : []
  if empty(items)
    return
  endif
  var item = items[0]
  var [from, to] = [item.range.start, item.range.end]
  if from.line != line('.') - 1 || to.line != from.line || from.character > col('.') - 1
      || to.character < col('.') - 1
    return
  endif
  var text = getline('.')
  shown = {
    buffer: bufnr(),
    lnum: line('.'),
    count: line('$'),
    text: substitute(item.insertText, "\r", '', 'g'),
    before: strpart(text, 0, from.character),
    replaced: strpart(text, col('.') - 1, to.character - col('.') + 1),
    after: strpart(text, to.character),
  }
  Draw()
enddef

def Ask(place: list<number>)
  if !Inserting() || place != Here() || pumvisible()
    return
  endif
  server.Sync(bufnr())
  if !server.Serves(bufnr())
    return
  endif
  pending = server.Request('textDocument/inlineCompletion', {
    textDocument: {uri: server.Uri(bufnr())},
    position: {line: line('.') - 1, character: col('.') - 1},
    context: {triggerKind: AUTOMATIC},
  }, (result) => Receive(place, result))
enddef

# Takes in that the text, the cursor or the mode is another.
export def Moved(entered: bool)
  var place = Here()
  if (place == seen && !entered) || !Inserting()
    return
  endif
  var typed = entered || empty(seen) || seen[: 1] != place[: 1]
  seen = place
  if pumvisible()
    CancelAll()
    Hide()
    return
  endif
  if Draw()
    return
  endif
  CancelAll()
  if typed && on && get(b:, 'tabwright', true)
    timer = timer_start(get(g:, 'tabwright_debounce_ms', 25), (_) => Ask(place))
  endif
enddef

export def Left()
  CancelAll()
  Hide()
  seen = []
enddef

export def Toggle()
  on = !on
  Left()
  echo 'Tabwright: suggestions are ' .. (on ? 'on' : 'off')
enddef

# Inserts a piece of what is shown, as an edit that can be undone by itself.
def Insert(piece: string)
  var rest = Rest()
  var all = piece ==# rest
  var text = getline('.')
  var after = strpart(text, col('.') - 1 + (all ? strlen(shown.replaced) : 0))
  var lines = split(strpart(text, 0, col('.') - 1) .. piece, "\n", true)
  var column = strlen(lines[-1]) + 1
  lines[-1] ..= after
  var lnum = line('.')
  var state = shown
  Hide()
  &g:undolevels = &g:undolevels # ends the block of undo, says its documentation
  setline(lnum, lines[0])
  append(lnum, lines[1 :])
  cursor(lnum + len(lines) - 1, column)
  &g:undolevels = &g:undolevels
  if !all
    shown = extend(state, {
      lnum: line('.'),
      count: line('$'),
      text: strpart(rest, strlen(piece)),
      before: strpart(getline('.'), 0, column - 1),
    })
    seen = Here()
    Draw()
  endif
enddef

# What keys do; each tells whether there was ghost text to do it with.

export def Accept(): bool
  var rest = Rest()
  if rest != ''
    Insert(rest)
  endif
  return rest != ''
enddef

export def AcceptWord(): bool
  var rest = Rest()
  if rest != ''
    var word = matchstr(rest, '^\_s*\%(\k\+\|\%(\k\@!\S\)\+\)')
    Insert(word == '' ? rest : word)
  endif
  return rest != ''
enddef

export def AcceptLine(): bool
  var rest = Rest()
  if rest != ''
    Insert(matchstr(rest, '^\n\?[^\n]*'))
  endif
  return rest != ''
enddef

export def Dismiss(): bool
  var was = Visible()
  CancelAll()
  Hide()
  return was
enddef
