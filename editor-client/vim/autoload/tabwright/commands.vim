vim9script
# The user's commands.

import autoload './requests.vim'
import autoload './server.vim'

def Answered(command: string, answer: any, Done: func)
  if type(answer) == v:t_dict
    Done(answer)
  else
    server.Tell(command .. ' failed')
  endif
enddef

def Run(command: string, argument: dict<any>, Done: func)
  var buffer = bufnr()
  server.Sync(buffer)
  if !server.Serves(buffer)
    server.Tell('no server runs for this buffer; :TabwrightStart starts one')
    return
  endif
  server.Request('workspace/executeCommand',
    {command: 'tabwright.' .. command, arguments: [argument]},
    (answer) => Answered(command, answer, Done))
enddef

# The lines that a command was given, or the place of the cursor.
def Argument(given: number, first: number, last: number): dict<any>
  var here = {line: line('.') - 1, character: col('.') - 1}
  server.Sync(bufnr())
  return {
    uri: server.Uri(bufnr()),
    version: server.Version(bufnr()),
    range: given > 0
      ? {start: {line: first - 1, character: 0}, end: {line: last, character: 0}}
      : {start: here, end: here},
  }
enddef

export def Edit(given: number, first: number, last: number, words: string)
  var argument = Argument(given, first, last)
  var instruction = words != '' ? words : input('Edit: ')
  if trim(instruction) == ''
    return
  endif
  echo 'Tabwright: editing ...'
  Run('edit', extend(argument, {instruction: instruction, apply: true}), (answer) => {
    server.Tell(answer.reason != '' ? answer.reason : 'edited; u takes it back')
  })
enddef

export def Why()
  Run('why', {}, (answer) => {
    var detail = get(answer, 'detail', '')
    server.Tell(answer.reason .. (detail == '' ? '' : ': ' .. detail))
  })
enddef

export def Status()
  Run('status', {}, (answer) => {
    var ms = get(answer, 'last_ms', null)
    var last = ms == null ? '' : printf(', last answer %.0f ms', ms)
    var problem = answer.problem == null ? '' : ', ' .. answer.problem
    server.Tell(printf('%s, model %s%s%s', answer.state, answer.model, last, problem))
  })
enddef

export def Pull(model: string)
  echo 'Tabwright: fetching; this can take minutes ...'
  Run('pull', {model: model}, (answer) => server.Tell(answer.message))
enddef

# What ALE found on the lines of a range, as the protocol has it.
def FoundByAle(range: dict<any>): list<dict<any>>
  if !exists('*ale#engine#GetLoclist')
    return []
  endif
  var found: list<dict<any>> = []
  for each in ale#engine#GetLoclist(bufnr())
    if each.bufnr == bufnr() && each.lnum > range.start.line && each.lnum <= range.end.line + 1
      var start = {line: each.lnum - 1, character: max([0, each.col - 1])}
      var end = {line: get(each, 'end_lnum', each.lnum) - 1,
        character: get(each, 'end_col', each.col)}
      add(found, {
        range: {start: start, end: end},
        message: each.text,
        severity: each.type == 'E' ? 1 : 2,
        source: get(each, 'linter_name', ''),
        code: string(get(each, 'code', ''))->trim("'"),
      })
    endif
  endfor
  return found
enddef

# Offers what can be done here: fixes of what ALE or the server found, and all that rewrites.
export def Actions(given: number, first: number, last: number)
  var argument = Argument(given, first, last)
  if !server.Serves(bufnr())
    server.Tell('no server runs for this buffer; :TabwrightStart starts one')
    return
  endif
  var range = argument.range
  var Touches = (each) => each.range.start.line <= range.end.line
    && each.range.end.line >= range.start.line
  var own = requests.Reported(argument.uri)->copy()->filter((_, each) => Touches(each))
  server.Request('textDocument/codeAction', {
    textDocument: {uri: argument.uri},
    range: range,
    context: {diagnostics: FoundByAle(range) + own},
  }, (result) => Choose(type(result) == v:t_list ? result : []))
enddef

def Choose(actions: list<dict<any>>)
  if empty(actions)
    server.Tell('nothing to do here')
    return
  endif
  popup_menu(mapnew(actions, (_, each) => each.title), {
    title: ' Tabwright ',
    callback: (_, number) => {
      if number > 0
        Act(actions[number - 1])
      endif
    },
  })
enddef

def Act(action: dict<any>)
  echo 'Tabwright: working ...'
  var command = action.command
  server.Request('workspace/executeCommand',
    {command: command.command, arguments: command.arguments}, (_) => 0)
enddef
