;;; tabwright.el --- A code model on your own machine, by eglot or lsp-mode -*- lexical-binding: t; -*-

;; Package-Requires: ((emacs "28.1"))
;; Keywords: languages, tools
;; SPDX-License-Identifier: Apache-2.0

;;; Commentary:

;; The commands; tabwright-eglot.el and tabwright-lsp.el say how the server is reached, and
;; tabwright-ghost.el shows suggestions behind the cursor.

;;; Code:

(require 'cl-lib)
(require 'subr-x)

(defgroup tabwright nil
  "A code model on your own machine."
  :group 'tools)

(defcustom tabwright-command '("tabwright" "serve")
  "The server's program and its arguments.
Only the global value counts, not one that a buffer or a folder has."
  :type '(repeat string))

(defcustom tabwright-settings nil
  "The server's section \"tabwright\" as a property list.
For instance (:completion (:maxTokens 64) :enabled :json-false).
Only the global value counts, not one that a buffer or a folder has."
  :type '(plist))

;; A folder's .dir-locals.el must choose neither a program nor a setting: Emacs asks before it takes one
;; of these and offers not to remember that, and what is read below is the user's value alone.
(put 'tabwright-command 'risky-local-variable t)
(put 'tabwright-settings 'risky-local-variable t)

(defcustom tabwright-ghost-text nil
  "Whether suggestions are shown behind the cursor, and not in the menu."
  :type 'boolean)

(defun tabwright-user-command ()
  "The user's value of `tabwright-command', whatever the buffer has."
  (default-toplevel-value 'tabwright-command))

(defun tabwright-user-settings ()
  "The user's value of `tabwright-settings', whatever the buffer has."
  (default-toplevel-value 'tabwright-settings))

(defun tabwright-initial-settings ()
  "The settings that the server must know from the start, the user's own."
  (let ((settings (tabwright-user-settings)))
    (if (or (not tabwright-ghost-text) (plist-member settings :completion))
        settings
      `(:completion (:menu "never") ,@settings))))

(defvar tabwright-send-functions nil
  "How requests reach the server; each takes METHOD, PARAMS, DONE, FAILED.
METHOD is a string, PARAMS a property list.  DONE gets the answer and
FAILED a text.  The first that serves the current buffer gives a
function that cancels the request.")

(defvar tabwright-position-functions nil
  "Each takes a place in the buffer and gives the protocol's position, or nil.")

(defvar tabwright-point-functions nil
  "Each takes the protocol's position and gives the place in the buffer, or nil.")

(defvar tabwright-uri-functions nil
  "Each gives the protocol's name of the current buffer, or nil.")

(defun tabwright-send (method params done &optional failed)
  "Send METHOD with PARAMS; the answer goes to DONE, what fails to FAILED.
Both run in the buffer that asked.  Gives a function that cancels."
  (let* ((buffer (current-buffer))
         (within (lambda (function)
                   (lambda (answer)
                     (when (buffer-live-p buffer)
                       (with-current-buffer buffer (funcall function answer))))))
         (failed (or failed (lambda (text) (message "Tabwright: %s" text)))))
    (or (run-hook-with-args-until-success 'tabwright-send-functions method params
                                          (funcall within done) (funcall within failed))
        (user-error "Tabwright: no server serves this buffer; M-x eglot or M-x lsp starts one"))))

(defun tabwright-get (object &rest keys)
  "What OBJECT, a property list or hash table, has under KEYS, nested."
  (dolist (key keys object)
    (setq object (if (hash-table-p object)
                     (gethash (substring (symbol-name key) 1) object)
                   (plist-get object key)))
    (when (memq object '(:null :json-null :json-false))
      (setq object nil))))

(defun tabwright-position (place)
  "The protocol's position of PLACE."
  (run-hook-with-args-until-success 'tabwright-position-functions place))

(defun tabwright-point (position)
  "The place of the protocol's POSITION."
  (run-hook-with-args-until-success 'tabwright-point-functions position))

(defun tabwright--argument (&rest more)
  "The argument of a command about the region or the place of the cursor, and MORE."
  (let ((beg (if (use-region-p) (region-beginning) (point)))
        (end (if (use-region-p) (region-end) (point))))
    `(:uri ,(run-hook-with-args-until-success 'tabwright-uri-functions)
      :range (:start ,(tabwright-position beg) :end ,(tabwright-position end))
      ,@more)))

(defun tabwright--run (command argument done)
  "Have the server run COMMAND with ARGUMENT and give the answer to DONE."
  (tabwright-send "workspace/executeCommand"
                  `(:command ,(concat "tabwright." command) :arguments [,argument])
                  done))

(defun tabwright--tell (answer otherwise)
  "Show why ANSWER holds nothing, or else OTHERWISE."
  (let ((reason (or (tabwright-get answer :reason) "")))
    (message "Tabwright: %s" (if (string-empty-p reason) otherwise reason))))

;;;###autoload
(defun tabwright-edit (instruction)
  "Edit the region, or the function at point, as INSTRUCTION says.
A further instruction about the same place goes on from there;
`undo' takes an edit back."
  (interactive "sEdit: ")
  (message "Tabwright: editing ...")
  (tabwright--run "edit" (tabwright--argument :instruction instruction :apply t)
                  (lambda (answer) (tabwright--tell answer "edited"))))

;;;###autoload
(defun tabwright-explain ()
  "Explain the region, or the function at point, in a window."
  (interactive)
  (message "Tabwright: reading ...")
  (tabwright--run "explain" (tabwright--argument)
                  (lambda (answer)
                    (let ((text (or (tabwright-get answer :markdown) "")))
                      (if (string-empty-p text)
                          (tabwright--tell answer "nothing to say")
                        (with-help-window "*Tabwright*" (princ text)))))))

;;;###autoload
(defun tabwright-translate (language)
  "Translate the region, or the buffer, to LANGUAGE, in a buffer of its own."
  (interactive
   (list (completing-read "Translate to: "
                          '("python" "javascript" "typescript" "java" "cpp" "csharp" "go"
                            "rust" "c" "shellscript"))))
  (message "Tabwright: translating ...")
  (let ((argument (tabwright--argument :target language :apply :json-false)))
    (unless (use-region-p)
      (cl-remf argument :range))
    (tabwright--run "translate" argument #'tabwright--show-document)))

(defun tabwright--show-document (answer)
  "Show the new document that ANSWER holds; it is yet to be saved."
  (let ((text (or (tabwright-get answer :text) ""))
        (name (or (tabwright-get answer :name) "translation")))
    (if (string-empty-p text)
        (tabwright--tell answer "nothing came")
      (let ((buffer (generate-new-buffer name)))
        (with-current-buffer buffer
          (insert text)
          (let ((buffer-file-name name)) (set-auto-mode))
          (goto-char (point-min)))
        (pop-to-buffer buffer)
        (message "Tabwright: not saved yet")))))

;;;###autoload
(defun tabwright-why ()
  "Tell why the last request showed what it showed, or nothing."
  (interactive)
  (tabwright--run
   "why" nil
   (lambda (answer)
     (let ((detail (or (tabwright-get answer :detail) "")))
       (message "Tabwright: %s%s" (tabwright-get answer :reason)
                (if (string-empty-p detail) "" (concat ": " detail)))))))

;;;###autoload
(defun tabwright-status ()
  "Tell how the server and its model are."
  (interactive)
  (tabwright--run
   "status" nil
   (lambda (answer)
     (message "Tabwright: %s, model %s, %s requests%s%s"
              (tabwright-get answer :state) (tabwright-get answer :model)
              (tabwright-get answer :requests)
              (if-let ((ms (tabwright-get answer :last_ms))) (format ", last answer %d ms" ms) "")
              (if-let ((problem (tabwright-get answer :problem))) (concat ", " problem) "")))))

;;;###autoload
(defun tabwright-pull (model)
  "Fetch MODEL, the one that the settings name if it is empty."
  (interactive
   (list (completing-read "Model (empty for the usual one): "
                          '("qwen2.5-coder-0.5b" "qwen2.5-coder-1.5b"))))
  (message "Tabwright: fetching; this can take minutes ...")
  (tabwright--run "pull" `(:model ,model)
                  (lambda (answer) (message "Tabwright: %s" (tabwright-get answer :message)))))

;;;###autoload
(defun tabwright-trust-workspace ()
  "Let the server run tools of this buffer's project until it ends.
It is how one says yes to the server's question about a folder."
  (interactive)
  (when (yes-or-no-p (format "Tabwright: trust the project of %s and all that is in it? "
                             (buffer-name)))
    (tabwright--run "trust" '(:workspace t)
                    (lambda (_) (message "Tabwright: the project is trusted until the server ends")))))

(provide 'tabwright)
;;; tabwright.el ends here
