;;; tabwright-ghost.el --- Suggestions behind the cursor -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: Apache-2.0

;;; Commentary:

;; `tabwright-ghost-mode' asks for a suggestion as you type and shows it in
;; an overlay.  Its keys are in force while something is shown; else they do
;; what they did before.

;;; Code:

(require 'tabwright)

(defface tabwright-ghost '((t :inherit shadow))
  "Text that is suggested and not there yet."
  :group 'tabwright)

(defcustom tabwright-ghost-delay 0.03
  "Seconds from a key to the question for a suggestion."
  :type 'number
  :group 'tabwright)

(defconst tabwright-ghost--invoked 1)
(defconst tabwright-ghost--automatic 2)

(defvar tabwright-ghost-mode)

(cl-defstruct tabwright-ghost--item text before replaced after)

(defvar-local tabwright-ghost--items nil "What was suggested, best first.")
(defvar-local tabwright-ghost--index 0)
(defvar-local tabwright-ghost--several nil "Whether several were asked for.")
(defvar-local tabwright-ghost--line nil "The number of the line it is for.")
(defvar-local tabwright-ghost--overlay nil)
(defvar-local tabwright-ghost--seen nil)
(defvar-local tabwright-ghost--timer nil)
(defvar-local tabwright-ghost--cancel nil "Cancels the request under way.")

(defun tabwright-ghost--here ()
  "The state of the buffer and the place in it."
  (cons (buffer-chars-modified-tick) (point)))

(defun tabwright-ghost--rest (item)
  "What of ITEM is not typed yet; nil when the line has become another."
  (let* ((left (buffer-substring-no-properties (line-beginning-position) (point)))
         (right (buffer-substring-no-properties (point) (line-end-position)))
         (before (tabwright-ghost--item-before item)))
    (when (and (equal tabwright-ghost--line (line-number-at-pos))
               (string-prefix-p before left)
               (equal right (concat (tabwright-ghost--item-replaced item)
                                    (tabwright-ghost--item-after item)))
               (string-prefix-p (substring left (length before))
                                (tabwright-ghost--item-text item)))
      (let ((typed (- (length left) (length before))))
        (substring (tabwright-ghost--item-text item) typed)))))

(defun tabwright-ghost--current ()
  "The item to show with what is left of it, or nil."
  (when-let* ((item (nth tabwright-ghost--index tabwright-ghost--items))
              (rest (tabwright-ghost--rest item)))
    (unless (string-empty-p rest) (cons item rest))))

(defun tabwright-ghost-shown-p ()
  "Whether a suggestion is on the screen."
  (and tabwright-ghost--overlay (overlay-buffer tabwright-ghost--overlay) t))

(defun tabwright-ghost--clear ()
  "Take the suggestion off the screen."
  (when tabwright-ghost--overlay
    (delete-overlay tabwright-ghost--overlay)))

(defun tabwright-ghost--hide ()
  "Forget what was suggested."
  (tabwright-ghost--clear)
  (setq tabwright-ghost--items nil))

(defun tabwright-ghost--draw ()
  "Show the current item; nil when there is none."
  (tabwright-ghost--clear)
  (pcase (tabwright-ghost--current)
    ('nil (setq tabwright-ghost--items nil))
    (`(,item . ,rest)
     (let* ((replaced (tabwright-ghost--item-replaced item))
            (simple (and (not (string-search "\n" rest)) (string-suffix-p replaced rest)))
            (text (if simple (substring rest 0 (- (length rest) (length replaced))) rest))
            (hint (if (and tabwright-ghost--several (cdr tabwright-ghost--items))
                      (format " (%d/%d)" (1+ tabwright-ghost--index)
                              (length tabwright-ghost--items))
                    ""))
            (shown (propertize (concat text hint) 'face 'tabwright-ghost))
            (end (if simple (point) (+ (point) (length replaced))))
            (overlay (make-overlay (point) end nil t t)))
       (unless (string-empty-p shown)
         ;; Else the cursor would be drawn behind the text.
         (put-text-property 0 1 'cursor t shown))
       (overlay-put overlay 'before-string shown)
       (unless simple (overlay-put overlay 'invisible t))
       (setq tabwright-ghost--overlay overlay)))))

(defun tabwright-ghost--stop ()
  "Give up what was to be asked and what is under way."
  (when tabwright-ghost--timer
    (cancel-timer tabwright-ghost--timer)
    (setq tabwright-ghost--timer nil))
  (when tabwright-ghost--cancel
    (funcall tabwright-ghost--cancel)
    (setq tabwright-ghost--cancel nil)))

(defun tabwright-ghost--item-of (answer)
  "ANSWER, an item of the server's, for the line of the cursor; nil if it is not."
  (let* ((text (tabwright-get answer :insertText))
         (from (tabwright-point (tabwright-get answer :range :start)))
         (to (tabwright-point (tabwright-get answer :range :end))))
    (when (and (stringp text) (<= (line-beginning-position) from (point) to (line-end-position)))
      (make-tabwright-ghost--item
       :text (string-replace "\r" "" text)
       :before (buffer-substring-no-properties (line-beginning-position) from)
       :replaced (buffer-substring-no-properties (point) to)
       :after (buffer-substring-no-properties to (line-end-position))))))

(defun tabwright-ghost--receive (place kind answer)
  "Show ANSWER to a request of KIND made at PLACE, unless that was left."
  (setq tabwright-ghost--cancel nil)
  (when (and tabwright-ghost-mode (equal place (tabwright-ghost--here)))
    (let ((another (and (= kind tabwright-ghost--invoked) tabwright-ghost--items))
          (items (delq nil (mapcar #'tabwright-ghost--item-of (tabwright-get answer :items)))))
      (when (or items (not another))
        (setq tabwright-ghost--items items
              tabwright-ghost--line (line-number-at-pos)
              tabwright-ghost--several (= kind tabwright-ghost--invoked)
              tabwright-ghost--index (if (and another (cdr items)) 1 0))
        (tabwright-ghost--draw)))))

(defun tabwright-ghost--ask (kind)
  "Ask for suggestions here; KIND says whether by hand."
  (tabwright-ghost--stop)
  (when-let ((uri (run-hook-with-args-until-success 'tabwright-uri-functions)))
    (let ((place (tabwright-ghost--here)))
      (setq tabwright-ghost--cancel
            (tabwright-send "textDocument/inlineCompletion"
                            `(:textDocument (:uri ,uri)
                              :position ,(tabwright-position (point))
                              :context (:triggerKind ,kind))
                            (lambda (answer) (tabwright-ghost--receive place kind answer))
                            #'ignore)))))

(defun tabwright-ghost--later (buffer place)
  "Ask in BUFFER if PLACE is still where the cursor is."
  (when (buffer-live-p buffer)
    (with-current-buffer buffer
      (when (and tabwright-ghost-mode (equal place (tabwright-ghost--here)))
        (tabwright-ghost--ask tabwright-ghost--automatic)))))

(defun tabwright-ghost--moved ()
  "Take in that the text or the cursor is another."
  (let* ((place (tabwright-ghost--here))
         (typed (not (equal (car place) (car tabwright-ghost--seen)))))
    (unless (equal place tabwright-ghost--seen)
      (let ((first (null tabwright-ghost--seen)))
        (setq tabwright-ghost--seen place)
        (unless (tabwright-ghost--draw)
          (tabwright-ghost--stop)
          (when (and typed (not first) (not mark-active) (not completion-in-region-mode))
            (setq tabwright-ghost--timer
                  (run-at-time tabwright-ghost-delay nil #'tabwright-ghost--later
                               (current-buffer) place))))))))

(defun tabwright-ghost--insert (piece)
  "Insert PIECE of what is shown, as an edit that `undo' takes back alone."
  (pcase-let* ((`(,item . ,rest) (tabwright-ghost--current))
               (all (= (length piece) (length rest)))
               (several (split-string piece "\n")))
    (tabwright-ghost--clear)
    (undo-boundary)
    (when all
      (delete-char (length (tabwright-ghost--item-replaced item))))
    (insert piece)
    (undo-boundary)
    (if all
        (setq tabwright-ghost--items nil)
      (when (cdr several)
        (setf (tabwright-ghost--item-before item)
              (buffer-substring-no-properties (line-beginning-position) (point))
              (tabwright-ghost--item-text item) (substring rest (length piece)))
        (setq tabwright-ghost--line (line-number-at-pos)
              tabwright-ghost--items (list item)
              tabwright-ghost--index 0)))))

(defun tabwright-ghost-accept ()
  "Insert all of the suggestion."
  (interactive)
  (tabwright-ghost--insert (cdr (tabwright-ghost--current))))

(defun tabwright-ghost-accept-word ()
  "Insert the next word of the suggestion."
  (interactive)
  (let ((rest (cdr (tabwright-ghost--current))))
    (string-match "\\`[[:space:]\n]*\\(?:[[:word:]_]+\\|[^[:word:]_[:space:]\n]+\\|\\'\\)" rest)
    (tabwright-ghost--insert (match-string 0 rest))))

(defun tabwright-ghost-accept-line ()
  "Insert the next line of the suggestion."
  (interactive)
  (let ((rest (cdr (tabwright-ghost--current))))
    (string-match "\\`\n?[^\n]*" rest)
    (tabwright-ghost--insert (match-string 0 rest))))

(defun tabwright-ghost-dismiss ()
  "Put the suggestion away until something is typed."
  (interactive)
  (tabwright-ghost--stop)
  (tabwright-ghost--hide))

(defun tabwright-ghost-invoke ()
  "Ask for several suggestions now."
  (interactive)
  (tabwright-ghost--ask tabwright-ghost--invoked))

(defun tabwright-ghost-next (&optional by)
  "Show the next suggestion, or the one BY further; ask for several first."
  (interactive)
  (if (not tabwright-ghost--several)
      (tabwright-ghost-invoke)
    (let ((count (length tabwright-ghost--items)) (left (length tabwright-ghost--items)))
      (cl-loop do (setq tabwright-ghost--index (mod (+ tabwright-ghost--index (or by 1)) count))
               until (or (tabwright-ghost--current) (zerop (cl-decf left)))))
    (tabwright-ghost--draw)))

(defun tabwright-ghost-previous ()
  "Show the previous suggestion."
  (interactive)
  (tabwright-ghost-next -1))

(defun tabwright-ghost--key (command)
  "COMMAND as a key binding that is there only while something is shown."
  `(menu-item "" ,command
              :filter ,(lambda (found) (and (tabwright-ghost-shown-p) found))))

(defvar tabwright-ghost-mode-map
  (let ((map (make-sparse-keymap)))
    (pcase-dolist (`(,keys . ,command)
                   '((("TAB" "<tab>") . tabwright-ghost-accept)
                     (("M-f" "M-<right>" "C-<right>") . tabwright-ghost-accept-word)
                     (("C-e" "C-<down>") . tabwright-ghost-accept-line)
                     (("M-n") . tabwright-ghost-next)
                     (("M-p") . tabwright-ghost-previous)
                     (("C-g") . tabwright-ghost-dismiss)))
      (dolist (key keys)
        (define-key map (kbd key) (tabwright-ghost--key command))))
    map)
  "Keys while a suggestion is shown.")

;;;###autoload
(define-minor-mode tabwright-ghost-mode
  "Show suggestions behind the cursor."
  :lighter " Tw"
  (if tabwright-ghost-mode
      (progn
        (add-hook 'post-command-hook #'tabwright-ghost--moved nil t)
        (setq tabwright-ghost--seen (tabwright-ghost--here)))
    (remove-hook 'post-command-hook #'tabwright-ghost--moved t)
    (tabwright-ghost-dismiss)))

(provide 'tabwright-ghost)
;;; tabwright-ghost.el ends here
