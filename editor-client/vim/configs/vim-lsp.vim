" For vim-lsp (prabirshrestha/vim-lsp). Source this from your vimrc, and leave the plugin off.
" Runs beside the other servers that vim-lsp knows for a file.
if !exists('g:tabwright_command')
  let g:tabwright_command = ['tabwright', 'serve']
endif

augroup tabwright_vim_lsp
  autocmd!
  autocmd User lsp_setup call lsp#register_server({
        \ 'name': 'tabwright',
        \ 'cmd': {server_info -> g:tabwright_command},
        \ 'allowlist': ['*'],
        \ 'initialization_options': {
        \   'tabwright': get(g:, 'tabwright_settings', {}), 'trust': {'settings': 'separate'}},
        \ 'workspace_config': {'tabwright': get(g:, 'tabwright_settings', {})},
        \ })
augroup END
