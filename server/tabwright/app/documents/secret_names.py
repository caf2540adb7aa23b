"""Which file names usually hold secrets, in any path or URI, whatever its scheme and encoding."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase, translate
from functools import cache, lru_cache
from urllib.parse import unquote

from tabwright.app.documents.uri_paths import SCHEME

SECRET_NAMES: tuple[str, ...] = (
    # Environments of programs.
    ".env", ".env.*", ".env-*", ".env_*", ".env[0-9]*", ".envrc", "*.env", "*.env.json",
    ".flaskenv", ".*.vars", "env.local", "env.production",
    # Private keys, certificates with keys, stores of keys.
    "*.pem", "*.key", "*.p8", "*.p12", "*.pfx", "*.pkcs12", "*.pk8", "*.pvk", "*.snk", "*.der",
    "*.jks", "*.jceks", "*.bks", "*.keystore", "*.truststore", "*.keytab", "krb5cc_*", "*.ppk",
    "*.asc", "*.gpg", "*.pgp", "*.age", "*.agekey", "*.priv", "*.privkey", "privkey*", "*.sso",
    "*.mobileprovision", "*.provisionprofile", "id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*",
    "*_rsa", "*_dsa", "*_ecdsa", "*_ed25519", "ssh_host_*_key", "*private_key", "*private-key",
    "secring.*", "otr.private_key", "*[-_]key.json", "key.json", "keyfile.json", "utc--*",
    # Stores of passwords, wallets, second factors.
    "*.kdb", "*.kdbx", "*.kdb[0-9x]*", "*.psafe3", "*.agilekeychain", "*.opvault", "*.1pif",
    "*.1pux", "*.keychain", "*.keychain-db", "*.kwallet", "*.wallet", "wallet.dat", "*.mnemonic",
    "bitwarden_export*", "lastpass_export*", "1password*.csv", "*recovery*codes*.txt",
    "*backup*codes*.txt", "*seed*phrase*.txt", ".google_authenticator", "*.otpauth",
    # Clouds and infrastructure.
    ".boto", ".s3cfg", ".passwd-s3fs", "rclone.conf", ".rclone.conf", "*.publishsettings",
    "*.cscfg", "*.pubxml.user", "local.settings.json", "appsettings.production.json",
    "appsettings.local.json", "connectionstrings.config", "clouds.yaml", "secure.yaml",
    "openrc", "openrc.sh", "*-openrc.sh", ".edgerc", "ngrok.yml", "tailscaled.state",
    "*serviceaccount*.json", "*service[-_]account*.json", "*firebase-adminsdk*.json",
    "google-services.json", "googleservice-info.plist", "client_secret*.json", "kaggle.json",
    "*.tfstate", "*.tfstate.*", "*.tfvars", "*.tfvars.json", "*.tfplan", ".terraformrc",
    "terraform.rc", "credentials.tfrc.json", ".vault-token", ".vault_pass*", ".vault-pass*",
    "vault_pass*", "vault-pass*", "vault.yml", "vault.yaml", "*.vault", "*.yml.enc", "*.yaml.enc",
    "*.json.enc", "*.env.enc", "talosconfig", "k3s.yaml", "rke2.yaml", "*.kubeconfig",
    "encrypted_data_bag_secret", "knife.rb", ".databrickscfg", ".tugboat", "heroku.json",
    # Package managers, builds, continuous integration.
    ".npmrc", ".pypirc", "pip.conf", "pip.ini", ".condarc", ".dockercfg", ".dockerconfigjson",
    "auth.json", "nuget.config", "gradle.properties", "settings-security.xml", "hex.config",
    "keystore.properties", "key.properties", "signing.properties", "buildkite-agent.cfg",
    ".sentryclirc", ".netlifyrc", ".travis.token", "jenkins.plugins.*.xml", "hudson.util.secret",
    "cypress.env.json", "*.postman_environment.json",
    # Tokens and passwords by name.
    ".netrc", "_netrc", ".netrc.*", ".authinfo", ".authinfo.*", ".git-credentials", ".gitconfig",
    ".hgrc", ".cvspass", ".p4tickets", "p4tickets.txt", ".curlrc", ".wgetrc", "token", ".token",
    "token.json", "token.txt", "*.token", ".*_token", ".*-token", "cookies.txt", "cookies.json",
    "cookies.sqlite", "*.secret", "*.secrets", "*.secret.*", ".secret*", "secrets",
    "credentials", "credential", ".credentials*", "arduino_secrets.h", "secret_key", "secret.key",
    "secret_token.rb", "*_secret", "*-secret", "*-secrets", "*_secrets", "ipsec.secrets",
    # Databases.
    ".pgpass", "pgpass.conf", ".pg_service.conf", ".my.cnf", ".mylogin.cnf", ".mongorc.js",
    ".dbshell", ".rediscli*", "database.yml", "datasources.local.xml", "datasources.xml",
    "dbeaver-data-sources.xml", "credentials-config.json", "robomongo.json", ".snowsql*",
    # Sites and frameworks.
    "wp-config.php", "wp-config-*.php", "localsettings.php", "config.inc.php", "local_settings.py",
    ".htpasswd", "htpasswd", "*.htpasswd", ".passwd", "*.passwd", "passwd", "shadow", "gshadow",
    "master.passwd", "sasl_passwd", "proftpdpasswd",
    # What boards with Python, Arduino and others call their file of passwords; in other languages
    # a file of that name is mostly code about secrets.
    "secrets.py", "secrets.h", "secrets.hpp", "secrets.ino", "secrets.php", "secrets.rb",
    "secrets.lua", "secrets.sh", "secrets.js", "secrets.exs",
    # Transfers, mail, networks.
    "sftp-config.json", "sftp.json", ".ftpconfig", ".ftppass", ".remote-sync.json",
    "webservers.xml", "filezilla.xml", "recentservers.xml", "sitemanager.xml", ".lftprc",
    ".smbcredentials", "*.smbcredentials", ".msmtprc", "msmtprc", ".mailrc", ".muttrc",
    ".fetchmailrc", ".offlineimaprc", ".mbsyncrc", ".esmtprc", "chap-secrets", "pap-secrets",
    "wpa_supplicant*.conf", "*.nmconnection", "*.ovpn", "*.tblk", "*.pcf", "wg*.conf",
    "wireguard*.conf", "*.rdp", "ddclient.conf", "inadyn.conf", ".rhosts", "*.remmina",
    # Browsers.
    "logins.json", "signons.sqlite", "key3.db", "key4.db", "login data", "cookies", "web data",
    # What was typed in shells, interpreters and editors.
    ".*_history", ".history", ".zhistory", ".histfile", ".rhistory", "fish_history",
    "consolehost_history.txt", "history.sqlite", ".octave_hist", ".lesshst", ".viminfo",
    "_viminfo", "*.shada", ".netrwhist",
)  # fmt: skip
"""Globs of the last segment, in lower case."""

SECRET_PATHS: tuple[str, ...] = (
    ".docker/config.json", ".git/config*", ".git/credentials", ".git/modules/*/config",
    ".git/worktrees/*/config*", ".config/git/c*", ".config/hub", ".config/gh/*", "gh/hosts.y*ml",
    ".config/gcloud/*", "gcloud/*.json", "gcloud/*.db",
    "glab-cli/config.yml", ".m2/settings.xml", ".bundle/config", ".subversion/auth/*",
    "pypoetry/auth.toml", "gitlab-runner/config.toml", ".circleci/cli.yml", ".fly/config.yml",
    ".bluemix/config.json", ".aliyun/config.json", ".tccli/*", ".ngrok2/*", "scw/config.yaml",
    "hcloud/cli.toml", "doctl/config.yaml", ".linode-cli", "linode-cli", ".netlify/config.json",
    "huggingface/token", ".huggingface/token", ".dvc/config.local", ".jupyter/*config.json",
    ".dbt/profiles.yml", ".snowsql/*", "sops/age/keys.txt", ".config/op/config", "wireguard/*.conf",
    "etc/openvpn/*", "etc/shadow*", "etc/sudoers*", "etc/ssl/private/*", "etc/kubernetes/*.conf",
    "kubernetes/admin.conf", "system-connections/*", "davfs2/secrets", "sites/*/settings.php",
    "run/secrets/*", "kubernetes.io/serviceaccount/*", ".lftp/*", ".irssi/config",
    ".recon-ng/keys.db", ".vagrant/machines/*", ".idea/webservers.xml", "local state",
)  # fmt: skip
"""Globs of the last segments together, in lower case; each begins at a segment."""

SECRET_FOLDERS = frozenset({
    ".aws", ".ssh", ".gnupg", ".kube", ".azure", ".password-store", ".gcloud", ".oci",
    ".chef", ".secrets", ".cloudflared", ".electrum", ".bitcoin", ".ethereum", "keyrings",
    "keychains", ".minikube", ".putty",
})  # fmt: skip
"""Names of folders of which every file counts as secret."""

# Words in a name that speak of a secret, where the file is data or has no ending at all.
_WORDS = re.compile(
    r"(?<![a-z])(?:secrets?|credentials?|creds|passwords?|passwds?|passphrases?|htpasswd"
    r"|kubeconfig|(?:api|access|private|signing|encryption|master)[-_ ]?keys?"
    r"|(?:access|refresh|auth|oauth2?|bearer|api|bot|github|gitlab|npm|slack|deploy|vault)"
    r"[-_ ]?tokens?|service[-_ ]?accounts?[-_ ]?keys?)(?![a-z])"
)
_SECRET_YAML = re.compile(r"secret(?!ar)[^/]*\.y[^./]*ml\Z")
_DATA = frozenset({
    "", "json", "json5", "jsonc", "yaml", "yml", "toml", "ini", "cfg", "conf", "config", "cnf",
    "properties", "props", "xml", "txt", "text", "csv", "tsv", "env", "enc", "plist", "db",
    "sqlite", "sqlite3", "dat", "xlsx", "ods", "log", "hcl", "vars",
})  # fmt: skip
_CODE = frozenset({
    "ts", "tsx", "mts", "cts", "jsx", "mjs", "cjs", "go", "rs", "java", "kt", "kts", "scala", "cs",
    "c", "cc", "cpp", "cxx", "swift", "dart", "m", "mm", "zig", "ex", "erl", "hs", "ml", "clj",
    "fs", "vue", "svelte", "html", "css", "scss", "md", "rst", "tf", "sql", "proto", "graphql",
    "pyi", "ipynb",
})  # fmt: skip
# A file that shows which secrets are needed, without them.
_HARMLESS = re.compile(
    r"[._-](?:example|sample|template|tmpl|tpl|dist|schema)(?:\.[a-z0-9]{1,5})?\Z"
)
_BACKUP = re.compile(
    r"(?:~+|\.~\d*~?|[._-](?:bak|bkp|back|backup|old|orig|original|save|saved|prev|previous|copy"
    r"|tmp|temp|swp|swo|swn|swx|un~|rej|dpkg-\w+|rpm\w+|ucf-\w+|disabled|off)\d*"
    r"|[._-]\d{1,20}(?:[-_.t:]\d{1,20}){0,5}z?|[ _-]*\((?:copy|\d{1,6}|copy \d{1,6})\)"
    r"|[ _-]+copy(?: ?\(?\d{1,6}\)?)?|\.(?:gz|bz2|xz|zst|zip|7z|lz4))\Z"
)
_MOST_ENDINGS = 4
_MOST_DECODINGS = 4
_MOST_OF_NAME = 300
_MOST_CHARACTERS = 8192  # of a path or URI; what a longer one ends with counts
_APART = re.compile(r"""[?&=#,;"'{}\[\]<>|()\s]+""")


def _joined(globs: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(translate(glob) for glob in globs))


@cache
def _any_name() -> re.Pattern[str]:
    return _joined(SECRET_NAMES)  # compiled on first use: it takes tens of milliseconds


@cache
def _any_path() -> re.Pattern[str]:
    return _joined(f"*/{glob}" for glob in SECRET_PATHS)


@lru_cache(maxsize=4096)
def secret_by_name(text: str) -> tuple[str, str] | None:
    """Say what makes a path or URI one of a secret: the segment and the rule it meets.

    None when it has none. The rule is a glob, or "" where the segment is a folder. Reads no disk.
    """
    for segments in _paths_in(text[-_MOST_CHARACTERS:]):
        found = _secret_segments(segments)
        if found is not None:
            return found
    return None


def _secret_segments(segments: Sequence[str]) -> tuple[str, str] | None:
    plain = [_folded(_shortened(segment)) for segment in segments]
    for segment, folder in zip(segments[:-1], plain[:-1], strict=True):
        if folder in SECRET_FOLDERS:
            return segment, ""
    pieces = [piece for piece in re.split(r"[:%!]", plain[-1]) if piece.strip(" .")]
    for piece in dict.fromkeys((plain[-1], *pieces)):
        rule = _secret_name(piece.rstrip(" ."), plain[-5:-1])
        if rule:
            return segments[-1], rule
    return None


def _secret_name(name: str, folders: Sequence[str]) -> str:
    """The rule that a folded name meets in these folders, "" when it meets none."""
    for variant in _variants(name):
        if _HARMLESS.search(variant):
            return ""
        if _any_name().match(variant):
            return next(glob for glob in SECRET_NAMES if fnmatchcase(variant, glob))
        if variant.startswith("secrets.") and variant.rpartition(".")[2] not in _CODE:
            return "secrets.*"
        path = "/".join(("", *folders, variant))
        if _any_path().match(path):
            return next(glob for glob in SECRET_PATHS if fnmatchcase(path, f"*/{glob}"))
        ending = variant.rpartition(".")[2] if "." in variant[1:] else ""
        word = _WORDS.search(variant) if ending in _DATA else None
        if word is not None:
            return f"*{word[0]}*.{ending}" if ending else f"*{word[0]}*"
        if "secret" in variant and _SECRET_YAML.search(variant):
            return "*secret*.y*ml"
    return ""


def _variants(name: str) -> Iterator[str]:
    """The name, and what it is a copy of: without backup endings and an editor's marks."""
    seen = [name]
    yield name
    for mark, end in (("#", "#"), (".#", ""), ("._", ""), ("~$", "")):
        if name.startswith(mark) and name.endswith(end) and len(name) > len(mark) + len(end):
            seen.append(name[len(mark) : len(name) - len(end)])
            yield seen[-1]
    for each in tuple(seen):
        for stem, ending in ((each, ""), _divided(each)):
            bare = stem
            for _ in range(_MOST_ENDINGS):
                shorter = _BACKUP.sub("", bare).rstrip(" .")
                if shorter in ("", bare):
                    break
                bare = shorter
                if bare + ending not in seen:
                    seen.append(bare + ending)
                    yield bare + ending
                # Vim's swap file of "x" is ".x.swp".
                if not ending and bare.startswith(".") and bare[1:] not in seen:
                    seen.append(bare[1:])
                    yield bare[1:]


def _divided(name: str) -> tuple[str, str]:
    stem, dot, ending = name.rpartition(".")
    return (stem, dot + ending) if stem else ("", "")


def _shortened(segment: str) -> str:
    """Both ends of a segment that is longer than any file system allows."""
    half = _MOST_OF_NAME // 2
    return segment if len(segment) <= _MOST_OF_NAME else segment[:half] + segment[-half:]


def _folded(segment: str) -> str:
    """A segment as file systems compare it: case, width and invisible characters do not count."""
    if not segment.isascii():
        segment = unicodedata.normalize("NFKC", segment)
        segment = "".join(char for char in segment if unicodedata.category(char) != "Cf")
    return segment.casefold().strip(" ").rstrip(".").rstrip(" ")


def _paths_in(text: str) -> Iterator[list[str]]:
    """The segments of every path that a text can be read as, decoded as often as it lets itself."""
    head, rest = text, ""
    if SCHEME.match(text):
        at = re.search(r"[?#]", text)
        if at is not None:
            head, rest = text[: at.start()], text[at.start() :]
    for _ in range(_MOST_DECODINGS):
        yield from _segments(head)
        for piece in _APART.split(rest):
            if "/" in piece or "." in piece or "\\" in piece:
                yield from _segments(piece)
        before = head, rest
        head, rest = unquote(head), unquote(rest)
        if (head, rest) == before:
            return


def _segments(path: str) -> Iterator[list[str]]:
    found = [part for part in re.split(r"[/\\]+", path.rstrip("/\\!")) if part not in ("", ".")]
    found = [part.rstrip("!") if part.endswith("!") else part for part in found]
    if found:
        yield found
