;;; tabwright-lsp.el --- Tabwright by lsp-mode, beside other servers -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: Apache-2.0

;;; Commentary:

;; An add-on of lsp-mode: it runs beside a language's own server and sees that one's diagnostics.

;;; Code:

(require 'lsp-mode)
(require 'tabwright)
(require 'tabwright-ghost)

(lsp-register-client
 (make-lsp-client
  :new-connection (lsp-stdio-connection #'tabwright-user-command)
  :activation-fn (lambda (_file mode) (provided-mode-derived-p mode 'prog-mode))
  :add-on? t
  :priority -2
  :server-id 'tabwright
  :initialization-options #'tabwright-initial-settings))

(defun tabwright-lsp--setting (name)
  "How lsp-mode finds the setting NAME when the server asks for it."
  (list (concat "tabwright." name)
        (lambda () (plist-get (tabwright-user-settings) (intern (concat ":" name))))))

(lsp-register-custom-settings
 (mapcar #'tabwright-lsp--setting
         '("enabled" "model" "modelsDirectory" "languages" "completion" "context" "engine"
           "remote" "privacy" "actions" "checks" "diagnostics" "log")))

(defun tabwright-lsp--workspace ()
  "Our workspace of the current buffer."
  (and (bound-and-true-p lsp-mode)
       (cl-find 'tabwright (lsp-workspaces)
                :key (lambda (each) (lsp--client-server-id (lsp--workspace-client each))))))

(defun tabwright-lsp--send (method params done failed)
  "Send METHOD with PARAMS; the answer goes to DONE, a failure's text to FAILED."
  (when-let ((workspace (tabwright-lsp--workspace)))
    (let ((token (make-symbol "tabwright")))
      (with-lsp-workspace workspace
        (lsp-request-async method params done
                           :mode 'detached
                           :cancel-token token
                           :error-handler (lambda (problem)
                                            (funcall failed (tabwright-get problem :message)))))
      (lambda () (lsp-cancel-request-by-token token)))))

(defun tabwright-lsp--position (place)
  "The protocol's position of PLACE."
  (and (tabwright-lsp--workspace)
       (let ((found (lsp-point-to-position place)))
         `(:line ,(tabwright-get found :line) :character ,(tabwright-get found :character)))))

(defun tabwright-lsp--point (position)
  "The place of the protocol's POSITION."
  (and (tabwright-lsp--workspace)
       (lsp--line-character-to-point (tabwright-get position :line)
                                     (tabwright-get position :character))))

(defun tabwright-lsp--uri ()
  "The protocol's name of the current buffer."
  (and (tabwright-lsp--workspace) (lsp--buffer-uri)))

(add-hook 'tabwright-send-functions #'tabwright-lsp--send)
(add-hook 'tabwright-position-functions #'tabwright-lsp--position)
(add-hook 'tabwright-uri-functions #'tabwright-lsp--uri)
(add-hook 'tabwright-point-functions #'tabwright-lsp--point)

(defun tabwright-lsp--managed ()
  "Switch ghost text on with the server."
  (when (and tabwright-ghost-text (tabwright-lsp--workspace))
    (tabwright-ghost-mode 1)))

(add-hook 'lsp-managed-mode-hook #'tabwright-lsp--managed)

(provide 'tabwright-lsp)
;;; tabwright-lsp.el ends here
