vim9script
# The server's process: started for the first file, started again when it dies, told of every file.

import autoload './requests.vim'

const WINDOW_S = 180
const RESTARTS = 4
const LANGUAGES = {sh: 'shellscript', bash: 'shellscript', zsh: 'shellscript', cs: 'csharp'}

var process: job
var running = false
var ready = false
var stopping = false
var complained = false
var notice = 0
# The version of each buffer that the server knows.
var versions: dict<number> = {}
var starts: list<number> = []

# Shows a message that waits for no key; :messages keeps it.
export def Tell(words: string)
  var text = 'Tabwright: ' .. words
  silent echomsg text
  popup_close(notice)
  notice = popup_notification(text, {
    time: 6000,
    pos: 'botright',
    line: &lines - 1,
    col: &columns,
    maxwidth: &columns - 8,
    border: [0, 0, 0, 0],
  })
enddef

def Command(): list<string>
  return get(g:, 'tabwright_command', ['tabwright', 'serve'])
enddef

export def Settings(): dict<any>
  return get(g:, 'tabwright_settings', {})
enddef

# Whether the server serves a buffer.
export def Serves(buffer: number): bool
  return ready && has_key(versions, buffer)
enddef

# The version of a buffer that the server was told last.
export def Version(buffer: number): number
  return get(versions, buffer, -1)
enddef

# The name that the protocol gives a path.
def PathUri(path: string): string
  var named = has('win32') ? '/' .. substitute(path, '\\', '/', 'g') : path
  var out = ''
  for at in range(strlen(named))
    var byte = strpart(named, at, 1)
    out ..= byte =~ '[A-Za-z0-9/._~-]' ? byte : printf('%%%02X', char2nr(byte))
  endfor
  return 'file://' .. out
enddef

export def Uri(buffer: number): string
  return PathUri(fnamemodify(bufname(buffer), ':p'))
enddef

def Text(buffer: number): string
  return getbufline(buffer, 1, '$')->join("\n") .. "\n"
enddef

# Sends a request; Done gets its result, null for an error. Gives the id to cancel it by.
export def Request(method: string, params: dict<any>, Done: func): number
  if !running
    return -1
  endif
  var Answered = (_, answer) => Done(get(answer, 'result', null))
  var sent = ch_sendexpr(job_getchannel(process), {method: method, params: params},
    {callback: Answered})
  return get(sent, 'id', -1)
enddef

export def Notify(method: string, params: dict<any>)
  if running
    ch_sendexpr(job_getchannel(process), {method: method, params: params})
  endif
enddef

export def Cancel(id: number)
  Notify('$/cancelRequest', {id: id})
enddef

# Tells the server of a buffer that holds a file, and starts it for the first one.
export def Open(buffer: number)
  if getbufvar(buffer, '&buftype') != '' || bufname(buffer) == ''
    return
  endif
  if !running
    Start()
  elseif ready
    Sync(buffer)
  endif
enddef

# Tells the server of a buffer's text, unless it knows that one.
export def Sync(buffer: number)
  var tick = getbufvar(buffer, 'changedtick')
  if !ready || getbufvar(buffer, '&buftype') != '' || bufname(buffer) == '' || !bufloaded(buffer)
    return
  endif
  if !has_key(versions, buffer)
    var language = getbufvar(buffer, '&filetype')
    Notify('textDocument/didOpen', {textDocument: {
      uri: Uri(buffer),
      languageId: get(LANGUAGES, language, language),
      version: tick,
      text: Text(buffer),
    }})
  elseif versions[buffer] != tick
    Notify('textDocument/didChange', {
      textDocument: {uri: Uri(buffer), version: tick},
      contentChanges: [{text: Text(buffer)}],
    })
  endif
  versions[buffer] = tick
enddef

export def Close(buffer: number)
  if has_key(versions, buffer)
    Notify('textDocument/didClose', {textDocument: {uri: Uri(buffer)}})
    remove(versions, buffer)
  endif
enddef

def Start()
  var command = Command()
  if !executable(get(command, 0, ''))
    if !complained
      complained = true
      Tell(get(command, 0, 'no command')
        .. ' is not here. Install Tabwright, or set g:tabwright_command to where it is.')
    endif
    return
  endif
  process = job_start(command, {
    in_mode: 'lsp',
    out_mode: 'lsp',
    err_io: 'null',
    noblock: 1,
    out_cb: (channel, message) => requests.Received(channel, message),
    exit_cb: Ended,
  })
  running = job_status(process) == 'run'
  if !running
    Tell('the server did not start: ' .. join(command))
    return
  endif
  Request('initialize', {
    processId: getpid(),
    clientInfo: {name: 'Vim', version: string(v:versionlong)},
    rootUri: PathUri(getcwd()),
    # Vim takes no variable from a folder, so that what is asked for later is the user's word too.
    initializationOptions: {tabwright: Settings(), trust: {settings: 'separate'}},
    capabilities: {
      general: {positionEncodings: ['utf-8']},
      workspace: {applyEdit: true, configuration: true, workspaceEdit: {documentChanges: true}},
      textDocument: {
        inlineCompletion: {dynamicRegistration: false},
        codeAction: {codeActionLiteralSupport: {codeActionKind: {valueSet: ['']}}},
        publishDiagnostics: {versionSupport: true},
      },
    },
  }, Initialized)
enddef

def Initialized(result: any)
  if type(result) != v:t_dict
    Tell('the server refused to start; ''tabwright doctor'' in a terminal tells more')
    return
  endif
  ready = true
  Notify('initialized', {})
  for each in getbufinfo({bufloaded: 1})
    Sync(each.bufnr)
  endfor
enddef

def Ended(_: job, status: number)
  running = false
  ready = false
  versions = {}
  if stopping
    return
  endif
  starts = starts->filter((_, at) => localtime() - at < WINDOW_S)
  if len(starts) >= RESTARTS
    Tell(printf('the server ended %d times within three minutes and stays off. ', len(starts) + 1)
      .. ':TabwrightStart tries again; ''tabwright doctor'' in a terminal tells more.')
    return
  endif
  add(starts, localtime())
  timer_start(200 * float2nr(pow(2, len(starts) - 1)), (_) => Restarted())
enddef

def Restarted()
  if !running
    Start()
  endif
enddef

# Lets the server run tools of the working folder until it ends: the answer to its question.
export def Trust()
  if !ready
    Tell('the server does not run')
  elseif confirm('Tabwright: trust ' .. getcwd() .. " and all that is in it?", "&Yes\n&No", 2) == 1
    Request('workspace/executeCommand',
      {command: 'tabwright.trust', arguments: [{workspace: true}]},
      (answer) => Tell(type(answer) == v:t_dict ? 'the folder is trusted until Vim ends'
        : 'the server does not know that command'))
  endif
enddef

# Starts the server, whatever happened before.
export def Restart()
  starts = []
  complained = false
  if !running
    Start()
  endif
enddef

# Ends the server in an orderly way; it has half a second.
export def Stop()
  if !running
    return
  endif
  stopping = true
  ch_evalexpr(job_getchannel(process), {method: 'shutdown'}, {timeout: 500})
  Notify('exit', {})
enddef
