" For yegappan/lsp (Vim 9.0 or newer). Source this from your vimrc, and leave the plugin off.
" Runs beside the other servers that are named for a file type.
if !exists('g:tabwright_command')
  let g:tabwright_command = ['tabwright', 'serve']
endif

augroup tabwright_yegappan_lsp
  autocmd!
  autocmd User LspSetup call LspAddServer([#{
        \ name: 'tabwright',
        \ filetype: get(g:, 'tabwright_filetypes', ['python', 'javascript', 'typescript',
        \   'java', 'c', 'cpp', 'cs', 'go', 'rust', 'sh']),
        \ path: g:tabwright_command[0],
        \ args: g:tabwright_command[1:],
        \ initializationOptions: #{
        \   tabwright: get(g:, 'tabwright_settings', {}), trust: #{settings: 'separate'}},
        \ workspaceConfig: #{tabwright: get(g:, 'tabwright_settings', {})},
        \ }])
augroup END
