;;; tabwright-eglot.el --- Tabwright by eglot -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: Apache-2.0

;;; Commentary:

;; A class of server for eglot, since what a model does takes longer than eglot waits, and what the
;; user asked for needs no second question.

;;; Code:

(require 'eglot)
(require 'flymake)
(require 'tabwright)
(require 'tabwright-ghost)

(defconst tabwright-eglot--timeout-s 600)
(defvar eglot-confirm-server-edits) ; of eglot 1.15 and newer

(defclass tabwright-eglot-server (eglot-lsp-server) ()
  :documentation "Tabwright's server.")

(defun tabwright-eglot-contact (&rest _)
  "How eglot starts the server."
  (cons 'tabwright-eglot-server (tabwright-user-command)))

;;;###autoload
(defun tabwright-eglot-setup (&rest modes)
  "Have eglot start Tabwright in MODES, in place of the server it knows for them."
  (add-to-list 'eglot-server-programs (cons modes #'tabwright-eglot-contact)))

(cl-defmethod eglot-initialization-options ((_server tabwright-eglot-server))
  "The user's settings; syntax errors are reported, since no other server does."
  (let ((settings (tabwright-initial-settings)))
    (if (plist-member settings :diagnostics)
        settings
      `(:diagnostics (:syntax t) ,@settings))))

(cl-defmethod eglot-client-capabilities ((_server tabwright-eglot-server))
  "Those of eglot, but actions come as commands.
To resolve an action eglot would wait, and Emacs with it."
  (let ((all (copy-tree (cl-call-next-method))))
    (cl-remf (plist-get (plist-get all :textDocument) :codeAction) :resolveSupport)
    all))

(cl-defmethod eglot-handle-request
  ((_server tabwright-eglot-server) (_method (eql workspace/applyEdit)) &key _label edit)
  "Apply EDIT at once: the user has asked for it."
  (condition-case problem
      (let ((eglot-confirm-server-edits nil))
        (eglot--apply-workspace-edit edit nil)
        '(:applied t))
    (error (list :applied :json-false :failureReason (error-message-string problem)))))

(cl-defmethod eglot-handle-request
  ((_server tabwright-eglot-server) (_method (eql window/showMessageRequest))
   &key _type message _actions)
  "Show MESSAGE and choose nothing: a question would take keys being typed."
  (message "%s (yes: M-x tabwright-pull, M-x tabwright-trust-workspace, or `tabwright trust' in a terminal)"
           message)
  nil)

(cl-defmethod eglot-execute-command
  ((server tabwright-eglot-server) command arguments)
  "Have SERVER run COMMAND with ARGUMENTS, and wait for nothing."
  (message "Tabwright: working ...")
  (jsonrpc-async-request
   server :workspace/executeCommand
   (list :command (format "%s" command) :arguments arguments)
   :timeout tabwright-eglot--timeout-s
   :success-fn (lambda (answer)
                 (when (tabwright-get answer :applied) (message "Tabwright: done")))
   :error-fn (lambda (problem) (message "Tabwright: %s" (plist-get problem :message)))
   :timeout-fn (lambda () (message "Tabwright: no answer came"))))

(cl-defmethod eglot-execute ((server tabwright-eglot-server) action)
  "Have SERVER run ACTION, a command or an action with one, as newer eglot asks."
  (let* ((inner (plist-get action :command))
         (command (if (stringp inner) action inner)))
    (if command
        (eglot-execute-command server (plist-get command :command) (plist-get command :arguments))
      (cl-call-next-method))))

;; Requests of tabwright.el -------------------------------------------------------------------------

(defun tabwright-eglot--server ()
  "The current buffer's server if it is ours."
  (let ((server (eglot-current-server)))
    (and server (object-of-class-p server 'tabwright-eglot-server) server)))

(defun tabwright-eglot--send (method params done failed)
  "Send METHOD with PARAMS; the answer goes to DONE, a failure's text to FAILED."
  (when-let ((server (tabwright-eglot--server)))
    (eglot--signal-textDocument/didChange)
    (let ((id (car (jsonrpc-async-request
                    server (intern (concat ":" method)) params
                    :timeout tabwright-eglot--timeout-s
                    :success-fn done
                    :error-fn (lambda (problem) (funcall failed (plist-get problem :message)))
                    :timeout-fn (lambda () (funcall failed "no answer came"))))))
      (lambda () (jsonrpc-notify server :$/cancelRequest `(:id ,id))))))

(defun tabwright-eglot--position (place)
  "The protocol's position of PLACE."
  (and (tabwright-eglot--server) (eglot--pos-to-lsp-position place)))

(defun tabwright-eglot--point (position)
  "The place of the protocol's POSITION."
  (and (tabwright-eglot--server)
       (eglot--lsp-position-to-point (list :line (tabwright-get position :line)
                                           :character (tabwright-get position :character)))))

(defun tabwright-eglot--uri ()
  "The protocol's name of the current buffer."
  (and (tabwright-eglot--server) (plist-get (eglot--TextDocumentIdentifier) :uri)))

(add-hook 'tabwright-send-functions #'tabwright-eglot--send)
(add-hook 'tabwright-position-functions #'tabwright-eglot--position)
(add-hook 'tabwright-uri-functions #'tabwright-eglot--uri)
(add-hook 'tabwright-point-functions #'tabwright-eglot--point)

(defun tabwright-eglot--managed ()
  "Switch ghost text on or off with the server."
  (when (and tabwright-ghost-text (or (not (eglot-managed-p)) (tabwright-eglot--server)))
    (tabwright-ghost-mode (if (eglot-managed-p) 1 -1))))

(add-hook 'eglot-managed-mode-hook #'tabwright-eglot--managed)

;; Fixes for what other tools report ---------------------------------------------------------------

(defun tabwright-eglot--diagnostics (beg end)
  "What any backend of Flymake reports between BEG and END, as the protocol has it."
  (mapcar
   (lambda (found)
     (let* ((text (flymake-diagnostic-text found))
            (sent (cdr (assoc 'eglot-lsp-diag (flymake-diagnostic-data found)))))
       (or sent
           `(:range (:start ,(tabwright-position (flymake-diagnostic-beg found))
                     :end ,(tabwright-position (flymake-diagnostic-end found)))
             :severity 1
             :message ,text))))
   (flymake-diagnostics beg end)))

;;;###autoload
(defun tabwright-actions ()
  "Choose what to do here, a fix of what any Flymake backend reports too.
`eglot-code-actions' knows only what the server itself reported."
  (interactive)
  (let* ((beg (if (use-region-p) (region-beginning) (line-beginning-position)))
         (end (if (use-region-p) (region-end) (line-end-position)))
         (at (if (use-region-p) beg (point)))
         (server (or (tabwright-eglot--server) (user-error "Tabwright: M-x eglot starts it")))
         (found (jsonrpc-request
                 server :textDocument/codeAction
                 `(:textDocument ,(eglot--TextDocumentIdentifier)
                   :range (:start ,(tabwright-position at)
                           :end ,(tabwright-position (if (use-region-p) end (point))))
                   :context (:diagnostics ,(vconcat (tabwright-eglot--diagnostics beg end))))
                 :deferred t))
         (titles (mapcar (lambda (each) (cons (plist-get each :title) each)) found)))
    (unless titles
      (user-error "Tabwright: nothing to do here"))
    (eglot-execute server (cdr (assoc (completing-read "Do: " titles nil t nil nil (caar titles))
                                      titles)))))

(provide 'tabwright-eglot)
;;; tabwright-eglot.el ends here
