vim9script
# What the server asks and tells on its own.

import autoload './edits.vim'
import autoload './server.vim'

# What the server reported of each file itself, by its name.
var reported: dict<list<dict<any>>> = {}

export def Reported(uri: string): list<dict<any>>
  return get(reported, uri, [])
enddef

# Vim's own ch_sendexpr() answers requests only whose id is a number.
def Answer(channel: channel, id: any, result: any)
  var body = json_encode({jsonrpc: '2.0', id: id, result: result})
  ch_sendraw(channel, printf("Content-Length: %d\r\n\r\n%s", strlen(body), body))
enddef

def Apply(params: dict<any>): dict<any>
  var reason = edits.Apply(params.edit)
  return reason == '' ? {applied: true} : {applied: false, failureReason: reason}
enddef

export def Received(channel: channel, message: dict<any>)
  var method = get(message, 'method', '')
  var params = get(message, 'params', {})
  if !has_key(message, 'id')
    if method == 'window/showMessage'
      server.Tell(substitute(params.message, '^Tabwright: ', '', ''))
    elseif method == 'textDocument/publishDiagnostics'
      reported[params.uri] = params.diagnostics
    endif
  elseif method == 'workspace/configuration'
    Answer(channel, message.id, mapnew(params.items, (_, _) => server.Settings()))
  elseif method == 'workspace/applyEdit'
    Answer(channel, message.id, Apply(params))
  elseif method == 'window/showMessageRequest'
    # A question that opens under the fingers would take keys that are being typed.
    server.Tell(params.message
      .. ' (yes: :TabwrightPull, :TabwrightTrust, or ''tabwright trust'' in a terminal)')
    Answer(channel, message.id, null)
  else
    Answer(channel, message.id, null)
  endif
enddef
