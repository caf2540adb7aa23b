vim9script
# Keys that act on ghost text and, where none is shown, do what they did before.

import autoload './ghost.vim'

const DEFAULTS = {
  accept: '<Tab>',
  accept_word: '<C-Right>',
  accept_line: '<C-Down>',
  dismiss: '<C-]>',
}
const ACTIONS = {
  accept: () => ghost.Accept(),
  accept_word: () => ghost.AcceptWord(),
  accept_line: () => ghost.AcceptLine(),
  dismiss: () => ghost.Dismiss(),
}

# The user's own mapping of each key.
var before: dict<dict<any>> = {}

# Takes the keys over, once the user's mappings are there.
export def Install()
  for [action, key] in items(extendnew(DEFAULTS, get(g:, 'tabwright_keys', {})))
    if !has_key(ACTIONS, action)
      echomsg 'Tabwright: g:tabwright_keys has no action ' .. action
    elseif type(key) == v:t_string && key != ''
      before[key] = maparg(key, 'i', false, true)
      var call = printf('<SID>Press(%s, %s)', string(action), string(substitute(key, '<', '<lt>', 'g')))
      execute $'inoremap <silent> {key} <Cmd>call {call}<CR>'
    endif
  endfor
enddef

def Press(action: string, key: string)
  if !ACTIONS[action]()
    FallBack(key)
  endif
enddef

# Presses a key as if it were not ours.
def FallBack(key: string)
  var mapped = get(before, key, {})
  if empty(mapped)
    feedkeys(Keys(key), 'ni')
    return
  endif
  var rhs = substitute(mapped.rhs, '\c<SID>', printf('<SNR>%d_', mapped.sid), 'g')
  var keys = mapped.expr ? string(eval(rhs))[1 : -2] : Keys(rhs)
  feedkeys(keys, mapped.noremap ? 'ni' : 'mi')
enddef

# The bytes of keys that are written as <Tab>.
def Keys(written: string): string
  return substitute(written, '<[^<>]\+>', (found) => eval('"\' .. found[0] .. '"'), 'g')
enddef
