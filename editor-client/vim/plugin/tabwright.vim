vim9script
# Tabwright: suggestions behind the cursor, edits by instruction, code actions. See README.md.

if exists('g:loaded_tabwright')
  finish
endif
g:loaded_tabwright = true

if !has('patch-9.0.1378') || !has('job') || !has('textprop')
  echomsg 'Tabwright needs Vim 9.0.1378 or newer with +job and +textprop'
  finish
endif

import autoload 'tabwright/commands.vim'
import autoload 'tabwright/ghost.vim'
import autoload 'tabwright/keys.vim'
import autoload 'tabwright/server.vim'

command! -range -nargs=* TabwrightEdit commands.Edit(<range>, <line1>, <line2>, <q-args>)
command! -range TabwrightActions commands.Actions(<range>, <line1>, <line2>)
command! TabwrightWhy commands.Why()
command! TabwrightStatus commands.Status()
command! -nargs=? TabwrightPull commands.Pull(<q-args>)
command! TabwrightStart server.Restart()
command! TabwrightTrust server.Trust()
command! TabwrightToggle ghost.Toggle()

augroup tabwright
  autocmd!
  autocmd FileType * server.Open(bufnr())
  autocmd BufFilePre * server.Close(bufnr())
  autocmd BufFilePost * server.Open(bufnr())
  autocmd BufUnload * server.Close(expand('<abuf>')->str2nr())
  autocmd TextChanged,InsertLeave * server.Sync(bufnr())
  autocmd InsertEnter * timer_start(0, (_) => ghost.Moved(true))
  autocmd TextChangedI,TextChangedP,CursorMovedI * ghost.Moved(false)
  autocmd InsertLeave,BufLeave * ghost.Left()
  autocmd VimLeavePre * server.Stop()
  autocmd VimEnter * keys.Install()
augroup END
