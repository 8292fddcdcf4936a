"""A sandbox, a store with one imported system, and a server, for testers that ask it from outside."""

import json
import os
import subprocess
from pathlib import Path

ACCOUNT = "123456789012"


class Place:
    """All of it ends with this."""

    def __init__(self, keyreeve: Path, folder: Path, system: str):
        self.keyreeve, self.running, self.system = keyreeve, [], system
        self.environment = os.environ | {"KEYREEVE_DATA_DIR": str(folder / "data"), "AWS_REGION": "us-east-1"}
        self.folder = folder

    def __enter__(self):
        sandbox = self.start("sandbox", "--port", "0", "--admin-port", "0", "--account", ACCOUNT, "--users", "12")
        self.environment["AWS_ENDPOINT_URL"] = sandbox["endpoint_url"]
        self.key = sandbox["accounts"][0]
        self.run("init")
        self.register(self.system)
        # Testers write whatever a description says can be written, tags included.
        self.run("system", "set", self.system, "permission_profile=full", "max_deactivations=1000")
        self.run("import", "run", self.system)
        self.url = self.start("serve", "--listen", "127.0.0.1:0")["url"]
        return self

    def __exit__(self, *_):
        for process in reversed(self.running):
            process.terminate()
        for process in self.running:
            process.wait(30)

    def register(self, system: str):
        add = ["system", "add", "--name", f"System {system}", "--system-id", system]
        add += ["--access-key-id", self.key["access_key_id"], "--secret-access-key-stdin"]
        self.run(*add, given=self.key["secret_access_key"])

    def token(self, role: str, *systems: str) -> str:
        limits = [argument for system in systems for argument in ("--system", system)]
        return json.loads(self.run("token", "create", "--owner", f"tester-{role}", "--role", role, *limits))["token"]

    def run(self, *arguments: str, given: str = "", expects: int = 0) -> str:
        command = [self.keyreeve, "--output", "json", *arguments]
        done = subprocess.run(
            command, input=given, text=True, env=self.environment, cwd=self.folder, capture_output=True, timeout=120
        )
        if done.returncode != expects:
            raise SystemExit(f"keyreeve {' '.join(arguments)} ended with {done.returncode}: {done.stderr}")
        return done.stdout

    def start(self, *arguments: str) -> dict:
        with open(self.folder / f"{arguments[0]}.log", "w", encoding="utf-8") as log:
            process = subprocess.Popen(
                [self.keyreeve, "--output", "json", *arguments],
                env=self.environment, cwd=self.folder, stdout=subprocess.PIPE, stderr=log, text=True,
            )
        self.running.append(process)
        line = process.stdout.readline()
        if not line:
            raise SystemExit(f"keyreeve {arguments[0]} ended: {(self.folder / f'{arguments[0]}.log').read_text()}")
        return json.loads(line)
