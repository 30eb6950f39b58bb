"""A Git host around one repository: pull requests, three ways to merge them, and workflows that are run for events."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from api_double import MergedRequest
from runs import Event, Run

if TYPE_CHECKING:
    from api_double import ApiDouble
    from runner import Runner

Method = Literal["merge", "squash", "rebase"]
MAIN = "main"


class MergeConflictError(AssertionError):
    """A request cannot be merged as it is."""


class Host:
    """What GitHub, or Forgejo, does with a repository.

    Attributes:
        runs: the workflows that were run, in this order.
        branches: of each request, by its number.
        forks: the requests of strangers.
        variables: of the repository (`vars`).
    """

    def __init__(self, repository: Path, runner: Runner, api: ApiDouble, folder: Path) -> None:
        self._bare = repository
        self._api = api
        self._runner = runner
        self._folder = folder
        self._desk = folder / "desk"
        self._workflows = f".{'forgejo' if runner.forgejo else 'github'}/workflows"
        self.runs: list[Run] = []
        self.branches: dict[int, str] = {}
        self.forks: set[int] = set()
        self.variables = runner.variables
        self._seen = self._oid(f"refs/heads/{MAIN}", at=repository)
        folder.mkdir()
        # hosts let jobs fetch any commit that they have
        self._git("config", "uploadpack.allowAnySHA1InWant", "true", at=repository)
        self._git("config", "http.receivepack", "true", at=repository)
        self._git("clone", "--quiet", "--no-hardlinks", str(repository), str(self._desk), at=folder)
        self._git("config", "user.name", "Host")
        self._git("config", "user.email", "host@example.org")

    def open(self, branch: str, *, fork: bool = False) -> int:
        """Open a pull request, and run what it starts; its number."""
        number = len(self.branches) + 1
        self.branches[number] = branch
        if fork:
            self.forks.add(number)
        self.look_again(number)
        return number

    def look_again(self, number: int) -> list[Run]:
        """Run what a request starts, when its branch was pushed or somebody asks for it. Raises: MergeConflictError."""
        branch = self.branches[number]
        self._fetch()
        head = self._oid(f"refs/remotes/origin/{branch}")
        self._git("checkout", "--quiet", "--detach", f"refs/remotes/origin/{MAIN}")
        self._merged("--no-ff", "--no-edit", "-m", f"Merge {head} into {MAIN}", head)
        merge = self._oid("HEAD")
        there = f"refs/pull/{number}"
        self._git("push", "--quiet", "--force", "origin", f"{head}:{there}/head", f"{merge}:{there}/merge")
        # what GitHub runs workflows for is the request as it would be merged, and Forgejo its branch
        sha, ref = (head, f"{there}/head") if self._runner.forgejo else (merge, f"{there}/merge")
        return self.happens(Event("pull_request", sha, ref, "", MAIN, branch, number, number in self.forks))

    def merge(self, number: int, method: Method) -> list[Run]:
        """Merge a request as the button of that name does, and run what that starts. Raises: MergeConflictError."""
        self.close(number, method)
        return self.pushed()

    def close(self, number: int, method: Method) -> None:
        """Merge it, and run nothing yet."""
        branch = self.branches[number]
        self._fetch()
        head = f"refs/remotes/origin/{branch}"
        self._seen = self._oid(f"refs/remotes/origin/{MAIN}")
        self._git("checkout", "--quiet", "--detach", f"refs/remotes/origin/{MAIN}")
        if method == "merge":
            self._merged("--no-ff", "--no-edit", "-m", f"Merge pull request #{number} from team/{branch}", head)
        elif method == "squash":
            self._merged("--squash", head)
            subject = self._git("log", "-1", "--format=%s", head)
            self._git("commit", "--quiet", "-m", f"{subject} (#{number})")
        else:
            self._git("checkout", "--quiet", "--detach", head)
            # new commits even where nothing has moved, as on the host
            self._git("rebase", "--quiet", "--no-ff", f"refs/remotes/origin/{MAIN}")
        self._git("push", "--quiet", "origin", f"HEAD:refs/heads/{MAIN}")
        done = MergedRequest(number, self._oid(head), self._oid("HEAD"))
        # the host knows the request of each commit that it has brought, and a rebase brings several
        commits = self._git("rev-list", "HEAD", f"^refs/remotes/origin/{MAIN}@{{1}}").split()
        self._api.merged |= dict.fromkeys(commits, done)

    def pushed(self) -> list[Run]:
        """Run what a push to the default branch starts."""
        before, self._seen = self._seen, self._oid(f"refs/heads/{MAIN}", at=self._bare)
        return self.happens(Event("push", self._seen, f"refs/heads/{MAIN}", before))

    def started(self, workflow: str, **inputs: str) -> Run:
        """Run a workflow that somebody starts by hand."""
        event = self._on_main("workflow_dispatch", inputs)
        (done,) = self.happens(event, only=workflow)
        return done

    def at_night(self) -> list[Run]:
        """Run what is scheduled."""
        return self.happens(self._on_main("schedule", {}))

    def last(self, workflow: str) -> Run:
        """The newest run of a workflow."""
        return next(run for run in reversed(self.runs) if run.workflow == workflow)

    @property
    def log(self) -> str:
        """All that was printed."""
        return "\n".join(f"=== {run.workflow}, {run.event.name}: {run.result}\n{run.log}" for run in self.runs)

    def happens(self, event: Event, only: str = "") -> list[Run]:
        """Run the workflows that the event's commit has for it."""
        place = self._folder / "workflows" / str(len(self.runs))
        place.mkdir(parents=True)
        listed = self._git("ls-tree", "--name-only", event.sha, f"{self._workflows}/", at=self._bare).split()
        done = []
        for path in listed:
            file = place / Path(path).name
            file.write_text(self._git("show", f"{event.sha}:{path}", at=self._bare) + "\n")
            run = self._runner.run(file, event) if only in ("", file.name) else None
            if run:
                done.append(run)
        self.runs += done
        return done

    def _on_main(self, name: str, inputs: Mapping[str, str]) -> Event:
        ref = f"refs/heads/{MAIN}"
        return Event(name, self._oid(ref, at=self._bare), ref, inputs=inputs)

    def _fetch(self) -> None:
        self._git("fetch", "--quiet", "--prune", "origin")

    def _merged(self, *arguments: str) -> None:
        try:
            self._git("merge", "--quiet", *arguments)
        except AssertionError as error:
            self._git("reset", "--quiet", "--hard")
            raise MergeConflictError(str(error)) from error

    def _oid(self, revision: str, at: Path | None = None) -> str:
        return self._git("rev-parse", "--verify", revision, at=at)

    def _git(self, *arguments: str, at: Path | None = None) -> str:
        where = at or self._desk
        done = subprocess.run(
            ["git", *arguments], cwd=where, env=os.environ, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
        return done.stdout.removesuffix("\n")
