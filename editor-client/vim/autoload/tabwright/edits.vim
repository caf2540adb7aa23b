vim9script
# Applies the server's edits to buffers; positions count bytes, as Vim's own do.

import autoload './server.vim'

# The lines after edits. The text ends in a line end, so there is one more, empty, line behind.
def Edited(lines: list<string>, changes: list<dict<any>>): list<string>
  var text = lines + ['']
  def Later(one: dict<any>, other: dict<any>): number
    var by = other.range.start.line - one.range.start.line
    return by != 0 ? by : other.range.start.character - one.range.start.character
  enddef
  for change in copy(changes)->sort(Later)
    var from = change.range.start
    var to = change.range.end
    var first = min([from.line, len(text) - 1])
    var last = min([to.line, len(text) - 1])
    var new = split(substitute(change.newText, "\r", '', 'g'), "\n", true)
    new[0] = strpart(text[first], 0, from.character) .. new[0]
    new[-1] = new[-1] .. strpart(text[last], to.character)
    text = (first > 0 ? text[: first - 1] : []) + new + text[last + 1 :]
  endfor
  return text[-1] == '' ? text[: -2] : text
enddef

# Replaces only the lines that are others now.
def Replace(buffer: number, old: list<string>, new: list<string>)
  var shorter = min([len(old), len(new)])
  var head = 0
  while head < shorter && old[head] ==# new[head]
    head += 1
  endwhile
  var tail = 0
  while tail < shorter - head && old[-1 - tail] ==# new[-1 - tail]
    tail += 1
  endwhile
  if len(new) - tail > head
    appendbufline(buffer, head, new[head : len(new) - tail - 1])
  endif
  if len(old) - tail > head
    var below = len(new) - tail - head
    deletebufline(buffer, head + below + 1, len(old) - tail + below)
  endif
enddef

def ApplyOne(change: dict<any>): string
  var uri = change.textDocument.uri
  var version = get(change.textDocument, 'version', null)
  for each in getbufinfo({bufloaded: 1})
    if bufname(each.bufnr) == '' || server.Uri(each.bufnr) !=# uri
      continue
    endif
    if version != null && version != getbufvar(each.bufnr, 'changedtick')
      return 'the text has changed since'
    endif
    var old = getbufline(each.bufnr, 1, '$')
    Replace(each.bufnr, old, Edited(old, change.edits))
    server.Sync(each.bufnr)
    return ''
  endfor
  return 'the file is not open'
enddef

# Applies a WorkspaceEdit; gives why it could not be, '' when it was.
export def Apply(edit: dict<any>): string
  var changes = get(edit, 'documentChanges', [])
  if empty(changes) || !empty(filter(copy(changes), (_, each) => has_key(each, 'kind')))
    return 'Vim changes open files only'
  endif
  for change in changes
    var reason = ApplyOne(change)
    if reason != ''
      return reason
    endif
  endfor
  return ''
enddef
