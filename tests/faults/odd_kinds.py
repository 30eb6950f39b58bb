"""Odd repositories, each a few lines of shell, and the round that every one of them is sent on.

A script starts in a folder with `server.git`, `storage` and the clone `work`, in which `theirs:v0` is published.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from stories import START, Done, attempt

from gitreg.cli.main import _run

# read before the tests are sealed off from the environment; for what is not even to be collected
FULL = os.environ.get("GITREG_FAULTS") == "full"

BASE = (
    START
    + r"""
git -C ../server.git config uploadpack.allowFilter true
git -C ../server.git config uploadpack.allowAnySHA1InWant true
for n in 1 2 3; do mkdir -p src/deep; echo "$n" >src/deep/$n.py; git add . && git commit --quiet -m "step $n"; done
mkdir ../data && echo theirs >../data/a
gitreg put ../data --name theirs --type dataset 2>/dev/null
git push --quiet 2>/dev/null
echo weights >../model.bin
"""
)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of repository.

    Attributes:
        script: makes it, in the world's folder.
        where: the folder to work in, as bytes that the file system takes; the working tree's root is found from there.
        env: set for git and gitreg; `{}` is the world's folder.
        version: the version that `put --name m` makes.
        push: how the user publishes.
        slow: left out of the bounded form.
        needs: a program.
    """

    script: str
    where: str = "odd"
    env: Mapping[str, str] = field(default_factory=dict)
    version: str = "m:v0"
    push: str = "git push --quiet origin HEAD:refs/heads/round"
    slow: bool = False
    needs: str = "git"


CLONE = "git clone --quiet server.git odd && git -C odd config remote.origin.url ../server.git\n"
IN_CLONE = CLONE + "cd odd\n"
CONFLICT = (
    IN_CLONE
    + """
git checkout --quiet -b theirs && echo theirs >train.py && git commit --quiet -am theirs
git checkout --quiet main && echo ours >train.py && git commit --quiet -am ours
"""
)
BARE = "git clone --quiet --bare server.git bare.git && git -C bare.git config remote.origin.url ../server.git\n"
# the second one lies two folders deeper
SUPER = """
git init --quiet super && git -C super submodule --quiet add ../server.git lib
git -C super commit --quiet -m 'use lib' && git -C super/lib config remote.origin.url "$PWD/server.git"
"""

KINDS: dict[str, Kind] = {
    # ---- clones that have only a part
    "a shallow clone": Kind("git clone --quiet --depth 1 file://$PWD/server.git odd"),
    "a blobless clone": Kind("git clone --quiet --filter=blob:none file://$PWD/server.git odd"),
    "a treeless clone": Kind("git clone --quiet --filter=tree:0 file://$PWD/server.git odd"),
    "a shallow blobless clone": Kind("git clone --quiet --depth 1 --filter=blob:none file://$PWD/server.git odd"),
    "a clone of one branch": Kind("git clone --quiet --single-branch file://$PWD/server.git odd"),
    "a clone without tags": Kind("git clone --quiet --no-tags file://$PWD/server.git odd"),
    "a linked worktree of what was a mirror": Kind(
        "git clone --quiet --mirror file://$PWD/server.git mirror && git -C mirror worktree add --quiet ../odd main\n"
        "git -C mirror config remote.origin.fetch '+refs/heads/*:refs/remotes/origin/*'",
        push="",
    ),
    "a sparse checkout in cone mode": Kind(IN_CLONE + "git sparse-checkout set --cone .dvc"),
    "a sparse checkout by patterns": Kind(IN_CLONE + "git sparse-checkout set --no-cone '/*' '!/src' '!/.dvcignore'"),
    "a sparse index": Kind(IN_CLONE + "git sparse-checkout set --cone --sparse-index .dvc"),
    # ---- where the git directory is
    "a linked worktree": Kind("git -C work worktree add --quiet -b odd ../odd"),
    "a linked worktree of a bare repository": Kind(BARE + "git -C bare.git worktree add --quiet ../odd main"),
    "a linked worktree of a bare repository called .git": Kind(
        BARE + "mkdir place && mv bare.git place/.git && cd place && git worktree add --quiet odd main\n"
        "git config remote.origin.url ../../server.git",
        where="place/odd",
    ),
    "a linked worktree beside .bare": Kind(
        BARE + "mkdir place && mv bare.git place/.bare && cd place && echo 'gitdir: ./.bare' >.git\n"
        "git worktree add --quiet odd main && git config remote.origin.url ../../server.git",
        where="place/odd",
    ),
    "a linked worktree with its own configuration": Kind(
        "git -C work config extensions.worktreeConfig true && git -C work worktree add --quiet -b odd ../odd\n"
        "git -C odd config --worktree user.name Other"
    ),
    "a separate git directory": Kind(
        "git clone --quiet --separate-git-dir=apart server.git odd && git -C odd config remote.origin.url ../server.git"
    ),
    "a linked worktree of a separate git directory": Kind(
        "git clone --quiet --separate-git-dir=apart server.git first\n"
        "git -C first config remote.origin.url ../server.git && git -C first worktree add --quiet -b odd ../odd"
    ),
    "a symbolic link as .git": Kind(CLONE + "mkdir away && mv odd/.git away/real && ln -s ../away/real odd/.git"),
    "a linked worktree of a symbolic link as .git": Kind(
        "git clone --quiet server.git first && git -C first config remote.origin.url ../server.git\n"
        "mkdir away && mv first/.git away/.git && ln -s ../away/.git first/.git\n"
        "git -C first worktree add --quiet -b odd ../odd"
    ),
    "a worktree reached through a symbolic link": Kind(
        "mkdir real && git clone --quiet server.git real/tree && ln -s real/tree odd\n"
        "git -C odd config remote.origin.url ../../server.git"
    ),
    "core.worktree": Kind(
        "git clone --quiet server.git odd && mv odd/.git apart && git --git-dir=apart config core.worktree ../odd\n"
        "git --git-dir=apart config core.bare false && git --git-dir=apart config remote.origin.url ../server.git\n"
        "echo 'gitdir: ../apart' >odd/.git"
    ),
    "GIT_DIR and GIT_WORK_TREE": Kind(
        CLONE + "mv odd/.git apart", env={"GIT_DIR": "{}/apart", "GIT_WORK_TREE": "{}/odd"}, where="odd/src"
    ),
    "GIT_DIR alone": Kind(CLONE + "mv odd/.git apart", env={"GIT_DIR": "{}/apart"}),
    "a relative GIT_DIR": Kind(CLONE, env={"GIT_DIR": ".git"}),
    "GIT_COMMON_DIR": Kind(
        "git -C work worktree add --quiet -b odd ../odd",
        env={
            "GIT_DIR": "{}/work/.git/worktrees/odd",
            "GIT_COMMON_DIR": "{}/work/.git",
            "GIT_WORK_TREE": "{}/odd",
        },
    ),
    "an index in another place (GIT_INDEX_FILE)": Kind(
        CLONE + "cp odd/.git/index other", env={"GIT_INDEX_FILE": "{}/other"}
    ),
    "Git's other variables set": Kind(
        CLONE,
        env={
            "GIT_TRACE": "1",
            "GIT_TRACE_SETUP": "1",
            "GIT_TRACE2": "1",
            "GIT_EXTERNAL_DIFF": "false",
            "GIT_PAGER": "false",
            "GIT_GLOB_PATHSPECS": "1",
            "GIT_REPLACE_REF_BASE": "refs/heads/",
            "GIT_REFLOG_ACTION": "something else",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "core.bare",
            "GIT_CONFIG_VALUE_0": "false",
            "GIT_DEFAULT_HASH": "sha256",
            "GIT_DEFAULT_REF_FORMAT": "reftable",
            "GIT_MERGE_AUTOEDIT": "no",
            "LANGUAGE": "de",
        },
    ),
    "a submodule": Kind(SUPER, where="super/lib"),
    "a linked worktree of a submodule": Kind(
        SUPER + "git -C super/lib worktree add --quiet -b odd ../../odd",
    ),
    "a repository with dirty submodules": Kind(
        IN_CLONE
        + """
        git init --quiet ../lib && git -C ../lib commit --quiet --allow-empty -m lib
        git submodule --quiet add ../lib lib && git submodule --quiet add ../lib lib2 && git commit --quiet -m libs
        git -C lib commit --quiet --allow-empty -m more && echo x >lib2/new.py && rm -r lib2/.git
        """
    ),
    "a submodule that is not checked out": Kind(
        IN_CLONE
        + """
        git init --quiet ../lib && git -C ../lib commit --quiet --allow-empty -m lib
        git submodule --quiet add ../lib lib && git commit --quiet -m lib && git submodule --quiet deinit --force lib
        """
    ),
    "files in Git LFS, changed": Kind(
        IN_CLONE
        + """
        git config remote.origin.url "file://$PWD/../server.git" && git lfs install --local >/dev/null
        git lfs track '*.bin' >/dev/null && echo one >w.bin && git add . && git commit --quiet -m weights
        git push --quiet origin HEAD:refs/heads/weights 2>/dev/null && echo two >w.bin
        """,
        needs="git-lfs",
    ),
    # ---- what is going on in it
    "a detached HEAD": Kind(IN_CLONE + "git checkout --quiet --detach HEAD~1"),
    "no commit yet": Kind(
        "git init --quiet odd && git -C odd remote add origin ../server.git && echo 1 >odd/a.py", push=""
    ),
    "an orphan branch": Kind(IN_CLONE + "git switch --quiet --orphan fresh && echo 1 >a.py", push=""),
    "a merge with conflicts": Kind(CONFLICT + "! git merge --quiet theirs >/dev/null"),
    "a rebase with conflicts": Kind(CONFLICT + "! git rebase --quiet theirs >/dev/null 2>&1"),
    "a cherry-pick with conflicts": Kind(CONFLICT + "! git cherry-pick theirs >/dev/null 2>&1"),
    "a revert with conflicts": Kind(CONFLICT + "! git revert --no-edit HEAD~2 >/dev/null 2>&1; echo x >>train.py"),
    "patches with conflicts (am)": Kind(
        CONFLICT + "git format-patch --quiet -1 theirs --stdout >../a.patch; ! git am --quiet --3way ../a.patch >&2"
    ),
    "a bisection": Kind(IN_CLONE + "git bisect start HEAD HEAD~3 >/dev/null 2>&1"),
    "an interactive rebase that stopped": Kind(
        IN_CLONE + "GIT_SEQUENCE_EDITOR=\"sed -i '1s/^pick/edit/'\" git rebase --quiet -i HEAD~2 2>/dev/null"
    ),
    # ---- names
    "a branch named like the collection": Kind(IN_CLONE + "git branch m && git branch m@v0 && git branch m/v0x HEAD~1"
                                               " 2>/dev/null || :"),
    "a branch named like a full tag": Kind(IN_CLONE + "git branch refs/tags/m@v0 && git branch tags/m@v0"),
    "a tag named like the collection": Kind(IN_CLONE + "git tag m && git tag -a -m mine model"),
    "a remote named like the collection": Kind(IN_CLONE + "git remote add m ../server.git && git fetch --quiet m"),
    "somebody's own lightweight tag m@v0": Kind(IN_CLONE + "git tag m@v0", version="m:v1"),
    "a remote of another name": Kind(
        "git clone --quiet --origin up/stream server.git odd && cd odd && git config gitreg.remote up/stream\n"
        "git config remote.up/stream.url ../server.git",
        push="git push --quiet up/stream HEAD:refs/heads/round",
    ),
    # ---- how objects and refs are kept
    "packed refs only": Kind(IN_CLONE + "git pack-refs --all --prune && git gc --quiet"),
    "replaced objects": Kind(IN_CLONE + "git replace HEAD~1 HEAD~2 && git replace --graft HEAD"),
    "grafts": Kind(IN_CLONE + "git rev-parse HEAD >.git/info/grafts"),
    "a clone that shares objects": Kind("git clone --quiet --shared server.git odd"),
    "a clone with a reference": Kind(
        "git clone --quiet --reference $PWD/work file://$PWD/server.git odd && git -C odd repack -q -a -d -l"
    ),
    "a commit graph and a multi-pack index": Kind(
        IN_CLONE + "git repack -qad && git commit-graph write --reachable --changed-paths 2>/dev/null\n"
        "git multi-pack-index write --bitmap 2>/dev/null"
    ),
    "a split index of version 4": Kind(IN_CLONE + "git update-index --index-version 4 --split-index"),
    "no reflogs, no hooks folder, no info": Kind(IN_CLONE + "rm -rf .git/logs .git/hooks .git/info .git/branches"),
    "packed refs only, and no folder for tags": Kind(IN_CLONE + "git pack-refs --all --prune && rmdir .git/refs/tags"),
    # ---- paths
    "a path with spaces": Kind("git clone --quiet server.git ' odd  place '", where=" odd  place "),
    "a path with a line break": Kind("git clone --quiet server.git 'odd\nplace'", where="odd\nplace"),
    "a path that ends in a line break": Kind("git clone --quiet server.git 'odd\n'", where="odd\n"),
    "a path with U+2028, U+0085 and a form feed": Kind(
        "git clone --quiet server.git 'o\u2028d\u0085d\f'", where="o\u2028d\u0085d\f"
    ),
    "a path with bytes that are no UTF-8": Kind(
        r"""git clone --quiet server.git "$(printf 'odd\377\303(')" """, where=os.fsdecode(b"odd\xff\xc3(")
    ),
    "a path with quotes, a backslash and a dollar": Kind(
        r"""git clone --quiet server.git 'o"d'"'"'d\x$HOME`x`%s'""", where="o\"d'd\\x$HOME`x`%s"
    ),
    "a path that looks like an option": Kind("git clone --quiet -- server.git ./--odd", where="--odd"),
    "a path with an escape sequence": Kind(
        r"""git clone --quiet server.git "$(printf 'odd\033[31m')" """, where="odd\033[31m"
    ),
    "a path with pattern characters": Kind("git clone --quiet server.git 'o[d]*?{d}'", where="o[d]*?{d}"),
    "files with names that are no UTF-8": Kind(
        IN_CLONE + r"""
        touch -- "$(printf 'b\377.py')" "$(printf 'l\nb.py')" ' s.py' '-n.py' ':(glob)x.py'
        git add . && git commit --quiet -m names && for f in *; do [ -d "$f" ] || echo more >>"./$f"; done
        """
    ),
    "a submodule's path with a line break": Kind(
        "git init --quiet super && git -C super submodule --quiet add --name s ../server.git 'l\nb'\n"
        "git -C super commit --quiet -m s && git -C 'super/l\nb' config remote.origin.url \"$PWD/server.git\"",
        where="super/l\nb",
    ),
    # ---- sizes
    "2,000 tracked files": Kind(
        IN_CLONE
        + """
        mkdir many && cd many && seq -f 'd%g' 1 20 | xargs mkdir
        for d in d*; do (cd $d && seq 1 100 | split -l1); done
        git add . && git commit --quiet -m many && echo changed >d7/xaa
        """
    ),
    "50,000 tracked files": Kind(
        IN_CLONE
        + """
        mkdir many && cd many && seq -f 'd%g' 1 100 | xargs mkdir
        for d in d*; do (cd $d && seq 1 500 | split -l1 -a4); done
        git add . && git commit --quiet -m many && echo changed >d7/xaaaa
        """,
        slow=True,
    ),
}  # fmt: skip

# Settings that a person, a team or a tool may have; each alone in `make faults`, all at once always.
SETTINGS = """
core.autocrlf=true
core.safecrlf=true
core.quotePath=false
core.abbrev=4
core.logAllRefUpdates=always
core.ignoreCase=true
core.sharedRepository=group
core.compression=0
core.bigFileThreshold=1
core.untrackedCache=true
core.checkStat=minimal
core.trustctime=false
core.fileMode=false
core.symlinks=false
core.precomposeUnicode=true
core.preferSymlinkRefs=false
core.commitGraph=false
core.multiPackIndex=false
core.packedRefsTimeout=1
core.attributesFile=/dev/null
core.commentChar=G
core.whitespace=trailing-space
core.warnAmbiguousRefs=true
core.protectNTFS=false
core.pager=false
core.editor=false
i18n.commitEncoding=ISO-8859-1
i18n.logOutputEncoding=EUC-JP
log.showSignature=true
log.date=relative
log.follow=true
log.mailmap=true
log.decorate=full
log.showRoot=false
format.pretty=fuller
tag.gpgSign=true
tag.forceSignAnnotated=true
tag.sort=-version:refname
commit.gpgSign=true
commit.cleanup=scissors
commit.template=/dev/null
gpg.program=false
gpg.format=ssh
fetch.prune=true
fetch.pruneTags=true
fetch.fsckObjects=true
fetch.writeCommitGraph=true
fetch.parallel=4
fetch.output=compact
fetch.unpackLimit=1
fetch.recurseSubmodules=true
fetch.showForcedUpdates=false
push.default=nothing
push.followTags=true
push.recurseSubmodules=check
push.useForceIfIncludes=true
push.autoSetupRemote=true
remote.origin.prune=true
remote.origin.tagOpt=--tags
remote.pushDefault=origin
transfer.fsckObjects=true
transfer.unpackLimit=1
protocol.version=0
receive.denyDeletes=true
status.showUntrackedFiles=no
status.relativePaths=false
status.renames=copies
status.branch=true
status.showStash=true
status.submoduleSummary=true
diff.renames=copies
diff.noprefix=true
diff.ignoreSubmodules=all
diff.external=false
diff.mnemonicPrefix=true
color.ui=always
column.ui=always
index.version=4
index.threads=4
index.sparse=true
feature.manyFiles=true
submodule.recurse=true
pack.threads=1
pack.writeReverseIndex=true
repack.writeBitmaps=true
gc.auto=1
gc.autoDetach=false
gc.pruneExpire=now
gc.packRefs=true
maintenance.auto=true
advice.detachedHead=true
rerere.enabled=true
stash.showPatch=true
init.defaultBranch=trunk
checkout.defaultRemote=origin
help.autoCorrect=immediate
merge.conflictStyle=diff3
user.signingKey=nothing
""".split()

ALL_SETTINGS = "settings: all at once"


def with_settings(settings: list[str]) -> Kind:
    """A clone with settings."""
    lines = "".join(f"git config {item.partition('=')[0]} '{item.partition('=')[2]}'\n" for item in settings)
    return Kind(IN_CLONE + lines)


# Other tests of `make test` have these, or they are much like another kind.
ELSEWHERE = frozenset(
    {
        "a clone without tags",
        "a clone of one branch",
        "a shallow blobless clone",
        "a detached HEAD",
        "a merge with conflicts",
        "no commit yet",
        "a linked worktree",
        "a relative GIT_DIR",
        "GIT_DIR alone",
        "a revert with conflicts",
        "patches with conflicts (am)",
        "an interactive rebase that stopped",
        "a cherry-pick with conflicts",
    }
)


def kinds() -> dict[str, Kind]:
    """The kinds by name, without the slow ones and those of other tests in the bounded form."""
    found = {name: kind for name, kind in KINDS.items() if FULL or not (kind.slow or name in ELSEWHERE)}
    found[ALL_SETTINGS] = with_settings(SETTINGS)
    return found


def base(folder: Path) -> Path:
    """The working tree's root above a folder."""
    return next(path for path in (folder, *folder.parents) if (path / "train.py").exists() or (path / "a.py").exists())


@contextlib.contextmanager
def here(folder: Path) -> Iterator[None]:
    """With another current directory."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def gitreg(arguments: list[str], folder: Path, *, process: bool = False) -> Done:
    """One command: in this process, which is quick, or as users start it."""
    if process:
        words = " ".join("'" + word.replace("'", "'\\''") + "'" for word in arguments)
        return attempt(f"gitreg {words}", folder)
    # as strict as a terminal's, which takes no lone surrogates
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", errors) for errors in ("strict", "backslashreplace"))
    before = sys.argv
    sys.argv = ["gitreg", *arguments]
    try:
        with here(folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = _run()
    finally:
        sys.argv = before
    texts = []
    for stream in (out, err):
        stream.seek(0)
        texts.append(stream.read())
    return Done(code, *texts)
