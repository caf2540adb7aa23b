;;; emacs_driver.el --- What the tests do in Emacs -*- lexical-binding: t; -*-

;;; Commentary:

;; Each scenario is one run of a batch Emacs; what it saw goes to stdout, a line of JSON a fact.

;;; Code:

(require 'cl-lib)
(require 'json)

(defvar driver-messages nil)
(advice-add 'message :after
            (lambda (format &rest arguments)
              (when format (push (apply #'format-message format arguments) driver-messages))))

(defun driver-say (name value)
  "Report VALUE as NAME."
  (princ (concat (json-encode (list (cons name value))) "\n")))

(defun driver-text ()
  "Report the text of the buffer."
  (driver-say "text" (buffer-substring-no-properties (point-min) (point-max))))

(defun driver-wait (what holds &optional seconds)
  "Wait until HOLDS, called, is not nil; WHAT is said when it never is."
  (let ((until (+ (float-time) (or seconds 40))))
    (while (not (funcall holds))
      (when (> (float-time) until)
        (error "Never seen: %s; messages: %S; text: %S" what (reverse driver-messages)
               (buffer-string)))
      (accept-process-output nil 0.05))))

(defun driver-told (words)
  "Wait until a message holds WORDS."
  (driver-wait words (lambda () (cl-some (lambda (each) (string-search words each))
                                         driver-messages)))
  (driver-say "told" (cl-find-if (lambda (each) (string-search words each)) driver-messages)))

(defun driver-undo ()
  "Undo as one command does."
  (setq last-command nil)
  (undo-boundary)
  (let ((inhibit-message t)) (undo))
  (driver-text))

(defun driver-status (key)
  "What the server's status has under KEY."
  (let (answer)
    (tabwright-send "workspace/executeCommand"
                    '(:command "tabwright.status" :arguments [])
                    (lambda (found) (setq answer found))
                    #'ignore)
    (driver-wait "a status" (lambda () answer))
    (tabwright-get answer key)))

(defun driver-ready ()
  "Wait until the engine is up."
  (driver-wait "the engine" (lambda () (equal (driver-status :state) "ready"))))

(defun driver-eglot (file)
  "Visit FILE with eglot, and wait until all is up."
  (require 'tabwright-eglot)
  (tabwright-eglot-setup 'python-mode)
  (find-file file)
  (python-mode)
  (apply #'eglot--connect (eglot--guess-contact))
  (driver-wait "the server" #'tabwright-eglot--server)
  (driver-ready))

(defun driver-lsp (file)
  "Visit FILE with lsp-mode, and wait until all is up."
  (require 'lsp-mode)
  (require 'lsp-diagnostics)
  (require 'tabwright-lsp)
  (setq lsp-enabled-clients '(tabwright)
        lsp-auto-guess-root t
        lsp-restart 'ignore
        lsp-warn-no-matched-clients nil)
  (setq-default lsp-diagnostics-provider :flymake)
  (find-file file)
  (python-mode)
  (lsp)
  (driver-wait "the server" #'tabwright-lsp--workspace)
  (driver-wait "its buffer" (lambda () (bound-and-true-p lsp-managed-mode)))
  (driver-ready))

(defun driver-choose (wanted)
  "Answer every choice with the one that holds WANTED."
  (advice-add 'completing-read :override
              (lambda (_prompt table &rest _)
                (let ((titles (all-completions "" table)))
                  (driver-say "offered" (vconcat titles))
                  (cl-find-if (lambda (each) (string-search wanted each)) titles)))))

(defun driver-line (number)
  "Go to the end of line NUMBER as a command of its own."
  (goto-char (point-min))
  (forward-line (1- number))
  (end-of-line)
  (undo-boundary))

;; Scenarios ----------------------------------------------------------------------------------------

(defun driver-completion (file line)
  "Complete at the end of LINE of FILE, then undo."
  (driver-eglot file)
  (driver-line line)
  (completion-at-point)
  (driver-wait "the completion" #'buffer-modified-p)
  (driver-text)
  (driver-say "column" (current-column))
  (driver-undo))

(defun driver-report-error (line from to text)
  "Have a backend of Flymake report TEXT between columns FROM and TO of LINE."
  (driver-line line)
  (let* ((start (line-beginning-position))
         (found (flymake-make-diagnostic (current-buffer) (+ start from) (+ start to) :error text)))
    (add-hook 'flymake-diagnostic-functions
              (lambda (report &rest _) (funcall report (list found))) nil t)
    (flymake-start nil nil)
    (driver-wait "the diagnostic" (lambda () (flymake-diagnostics (+ start from) (+ start to))))
    (goto-char (+ start from))
    (undo-boundary)))

(defun driver-edited ()
  "Wait for an edit, say the text with it, and undo it."
  (driver-wait "the edit" #'buffer-modified-p)
  (driver-text)
  (driver-undo))

(defun driver-ask-and-edit ()
  "Ask for state and reason, then edit by instruction."
  (tabwright-status)
  (driver-told "ready, model")
  (tabwright-why)
  (driver-told "nothing was asked yet")
  (driver-line 6)
  (tabwright-edit "put the factor first")
  (driver-wait "the edit" #'buffer-modified-p)
  (driver-told "edited")
  (driver-text)
  (driver-undo))

(defun driver-fix (file)
  "Mend what another tool reports in FILE, then undo."
  (driver-eglot file)
  (driver-report-error 2 15 16 "undefined name `c`")
  (driver-choose "Fix")
  (tabwright-actions)
  (driver-edited))

(defun driver-eglot-actions (file)
  "Mend a syntax error that the server itself reports in FILE, by eglot's own command."
  (driver-eglot file)
  (driver-line 1)
  (driver-wait "the diagnostic" (lambda () (flymake-diagnostics)))
  (goto-char (flymake-diagnostic-beg (car (flymake-diagnostics))))
  (undo-boundary)
  (driver-choose "Fix")
  (let ((last-nonmenu-event ?a)) ; else eglot takes it for a mouse's
    (eglot-code-actions (point) nil nil t))
  (driver-edited))

(defun driver-commands (file)
  "Edit FILE by instruction, and ask for the rest."
  (driver-eglot file)
  (driver-ask-and-edit)
  (tabwright-edit "")
  (driver-told "the instruction is empty: say what to change")
  (tabwright-explain)
  (driver-wait "the explanation" (lambda () (get-buffer "*Tabwright*")))
  (driver-say "explained" (with-current-buffer "*Tabwright*"
                            (buffer-substring-no-properties (point-min) (point-max)))))

(defun driver-stale (file)
  "Change FILE while an edit of it is made."
  (driver-eglot file)
  (driver-line 6)
  (tabwright-edit "put the factor first")
  (sleep-for 0.3)
  (goto-char (point-min))
  (insert "import os\n")
  (eglot--signal-textDocument/didChange)
  (driver-told "changed")
  (driver-text))

(defun driver-killed (file)
  "Kill the server of FILE in mid-request, and complete when it is back."
  (driver-eglot file)
  ;; eglot starts a server again only if it lived for some seconds.
  (sleep-for (1+ eglot-autoreconnect))
  (let ((pid (driver-status :pid)) (server (tabwright-eglot--server)))
    (driver-line 6)
    (tabwright-edit "put the factor first")
    (sleep-for 0.5)
    (signal-process pid 9)
    (driver-wait "another server" (lambda ()
                                    (let ((now (tabwright-eglot--server)))
                                      (and now (not (eq now server))))))
    (driver-ready)
    (driver-say "another" (/= pid (driver-status :pid)))
    (driver-text)
    (driver-line 2)
    (tabwright-edit "put b first")
    (driver-wait "the edit" #'buffer-modified-p)
    (driver-text)))

;; lsp-mode -----------------------------------------------------------------------------------------

(defun driver-lsp-completion (file line)
  "Complete at the end of LINE of FILE, then undo."
  (driver-lsp file)
  (require 'lsp-completion)
  (require 'company)
  (lsp-completion-mode 1)
  (setq company-frontends nil)
  (company-mode 1)
  (driver-line line)
  (company-begin-backend 'company-capf)
  (driver-wait "the menu" (lambda () company-candidates))
  (driver-say "menu" (vconcat (mapcar #'substring-no-properties company-candidates)))
  (company-complete-selection)
  (driver-wait "the completion" #'buffer-modified-p)
  (driver-text)
  (driver-undo))

(defun driver-lsp-actions (file)
  "Mend a syntax error that the server itself reports in FILE, by lsp-mode's own command."
  (setq tabwright-settings '(:diagnostics (:syntax t)))
  (driver-lsp file)
  (driver-line 1)
  (driver-wait "the diagnostic" (lambda () (/= 0 (hash-table-count (lsp-diagnostics)))))
  (driver-choose "Fix")
  (call-interactively #'lsp-execute-code-action)
  (driver-edited))

(defun driver-lsp-commands (file)
  "Edit FILE by instruction, and ask for the rest."
  (driver-lsp file)
  (driver-ask-and-edit))

;; A hostile checkout --------------------------------------------------------------------------------

(defun driver-ran (folder)
  "Report what of the checkout has run: the names in FOLDER."
  (sleep-for 1)
  (driver-say "ran" (vconcat (directory-files folder nil "\\`[^.]\\|\\`\\.[^.]"))))

(defun driver-reported (line column text)
  "A diagnostic of pylint's at LINE and COLUMN, counted from zero, that says TEXT."
  `(:range (:start (:line ,line :character ,column) :end (:line ,line :character ,(1+ column)))
    :severity 1 :source "pylint" :code "undefined-variable" :message ,text))

(defun driver-hostile-eglot (file line column text markers)
  "Complete in FILE, mend what pylint reports, and again when the project is trusted.
It says TEXT at LINE and COLUMN; MARKERS is where what runs leaves a file."
  (driver-eglot file)
  (goto-char (point-max))
  (insert "total = ")
  (completion-at-point)
  (driver-wait "the completion" (lambda () (string-search "total = add(1, 2)" (buffer-string))))
  (driver-say "completed" t)
  (driver-wait "the end of it" (lambda () (undo-boundary) t))
  (delete-region (line-beginning-position) (point-max))
  (driver-line (1+ line))
  (let* ((start (+ (line-beginning-position) column))
         (data `((eglot-lsp-diag . ,(driver-reported line column text))))
         (found (flymake-make-diagnostic (current-buffer) start (1+ start) :error text data)))
    (add-hook 'flymake-diagnostic-functions
              (lambda (report &rest _) (funcall report (list found))) nil t)
    (flymake-start nil nil)
    (driver-wait "the diagnostic" (lambda () (flymake-diagnostics start (1+ start))))
    (driver-choose "Fix")
    (cl-flet ((fix ()
                (goto-char start)
                (set-buffer-modified-p nil)
                (tabwright-actions)
                (driver-wait "the edit" #'buffer-modified-p)
                (driver-ran markers)))
      (fix)
      (goto-char start)
      (delete-region (line-beginning-position) (line-end-position))
      (insert "    return a + c")
      (advice-add 'yes-or-no-p :override #'always)
      (tabwright-trust-workspace)
      (driver-told "the project is trusted")
      (flymake-start nil nil)
      (driver-wait "the diagnostic" (lambda () (flymake-diagnostics start (1+ start))))
      (fix))))

(defun driver-hostile-locals (file markers)
  "Start eglot in FILE, whose folder sets our variables, as a user who takes them all.
MARKERS is where what runs leaves a file."
  (setq enable-local-variables :all)
  (driver-eglot file)
  (driver-say "locals" (and (local-variable-p 'tabwright-command)
                            (local-variable-p 'tabwright-settings)))
  (driver-ran markers))

(defun driver-hostile-lsp (file line column text markers)
  "As `driver-hostile-eglot', by lsp-mode."
  (driver-lsp file)
  (goto-char (point-max))
  (insert "total = ")
  (lsp-request "textDocument/completion" (lsp--text-document-position-params))
  (driver-say "completed" t)
  (delete-region (line-beginning-position) (point-max))
  (driver-choose "Fix")
  (cl-flet ((fix ()
              (lsp--on-diagnostics
               (tabwright-lsp--workspace)
               (lsp-make-publish-diagnostics-params
                :uri (lsp--buffer-uri)
                :diagnostics
                (vector (lsp-make-diagnostic
                         :range (lsp-make-range
                                 :start (lsp-make-position :line line :character column)
                                 :end (lsp-make-position :line line :character (1+ column)))
                         :severity? 1 :source? "pylint" :code? "undefined-variable"
                         :message text))))
              (driver-line (1+ line))
              (set-buffer-modified-p nil)
              (call-interactively #'lsp-execute-code-action)
              (driver-wait "the edit" #'buffer-modified-p)
              (driver-ran markers)))
    (fix)
    (driver-line (1+ line))
    (delete-region (line-beginning-position) (line-end-position))
    (insert "    return a + c")
    (advice-add 'yes-or-no-p :override #'always)
    (tabwright-trust-workspace)
    (driver-told "the project is trusted")
    (fix)))

(defun driver-compile (file folder)
  "Compile every file of FOLDER beside FILE, a warning being an error."
  (require 'bytecomp)
  (setq byte-compile-error-on-warn t)
  (dolist (source (directory-files folder t "\\.el\\'"))
    (let* ((name (file-name-nondirectory source))
           (copy (expand-file-name name (file-name-directory file))))
      (copy-file source copy)
      (when (byte-compile-file copy)
        (driver-say "compiled" name)))))

(provide 'emacs_driver)
;;; emacs_driver.el ends here
