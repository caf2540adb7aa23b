//! Tells Zed how to start Tabwright's language server.

use zed_extension_api::{self as zed, settings::LspSettings, serde_json, LanguageServerId, Result};

struct Tabwright;

fn settings(id: &LanguageServerId, worktree: &zed::Worktree) -> Option<LspSettings> {
    LspSettings::for_worktree(id.as_ref(), worktree).ok()
}

impl zed::Extension for Tabwright {
    fn new() -> Self {
        Tabwright
    }

    fn language_server_command(
        &mut self,
        id: &LanguageServerId,
        worktree: &zed::Worktree,
    ) -> Result<zed::Command> {
        let binary = settings(id, worktree).and_then(|found| found.binary);
        let path = binary.as_ref().and_then(|found| found.path.clone());
        let arguments = binary.and_then(|found| found.arguments);
        let command = path.or_else(|| worktree.which("tabwright")).ok_or_else(|| {
            "tabwright is not on PATH: install it, or set lsp.tabwright.binary.path".to_string()
        })?;
        Ok(zed::Command {
            command,
            args: arguments.unwrap_or_else(|| vec!["serve".to_string()]),
            env: worktree.shell_env(),
        })
    }

    fn language_server_initialization_options(
        &mut self,
        id: &LanguageServerId,
        worktree: &zed::Worktree,
    ) -> Result<Option<serde_json::Value>> {
        Ok(settings(id, worktree).and_then(|found| found.initialization_options))
    }

    fn language_server_workspace_configuration(
        &mut self,
        id: &LanguageServerId,
        worktree: &zed::Worktree,
    ) -> Result<Option<serde_json::Value>> {
        Ok(settings(id, worktree).and_then(|found| found.settings))
    }
}

zed::register_extension!(Tabwright);
