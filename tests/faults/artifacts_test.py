"""Artifacts when things go wrong: a server that is killed, a disk that is full, files larger than memory should be."""
import http.client
import json
import pathlib
import re
import resource
import signal
import subprocess
import unittest

from tenure_process import TrackingServer, temporary_folder, wait_until

FILES = "/api/2.0/mlflow-artifacts/artifacts"
MIB = 1 << 20


class Artifacts(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(temporary_folder())
        self.destination = self.folder / "mlartifacts"

    def visible(self):
        """Files of the destination as somebody sees them who looks into the folder."""
        return sorted(str(path.relative_to(self.destination)) for path in self.destination.rglob("*")
                      if path.is_file() and ".tenure-unfinished" not in path.parts)

    @staticmethod
    def put(server, path, body):
        """Status and text of the answer, which may come before all of the body was sent."""
        connection = server.connect()
        try:
            try:
                connection.request("PUT", f"{FILES}/{path}", body)
            except (BrokenPipeError, ConnectionResetError):
                pass
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def test_a_killed_server_leaves_nothing_of_an_upload(self):
        with TrackingServer(self.folder) as server:
            self.assertEqual(self.put(server, "run/model.bin", b"old")[0], 200)
            connection = server.connect()
            connection.putrequest("PUT", f"{FILES}/run/model.bin")
            connection.putheader("Content-Length", str(40 * MIB))
            connection.endheaders()
            connection.send(bytes(8 * MIB))
            waiting = self.destination / ".tenure-unfinished"
            wait_until(lambda: waiting.exists() and any(file.stat().st_size > MIB for file in waiting.iterdir()))
            server.process.send_signal(signal.SIGKILL)
            server.process.communicate()
            connection.close()
        self.assertEqual(self.visible(), ["run/model.bin"])
        with TrackingServer(self.folder) as server:
            self.assertEqual(server.request("GET", f"{FILES}/run/model.bin"), (200, "old"))
            self.assertEqual(server.request("GET", FILES), (200, {"files": [{"path": "run", "is_dir": True}]}))
            self.assertEqual(self.put(server, "run/model.bin", b"new")[0], 200)

    def test_a_full_disk_is_told_and_the_old_file_stays(self):
        with TrackingServer(self.folder) as server:
            self.assertEqual(self.put(server, "f", b"old")[0], 200)
            pid = server.process.pid
            soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (MIB, hard))
            status, text = self.put(server, "f", bytes(3 * MIB))
            self.assertEqual((status, json.loads(text)["error_code"]), (507, "RESOURCE_EXHAUSTED"))
            self.assertEqual(server.request("GET", f"{FILES}/f"), (200, "old"))
            self.assertEqual(self.visible(), ["f"])
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))
            self.assertEqual(self.put(server, "f", bytes(3 * MIB))[0], 200)
            self.assertEqual((self.destination / "f").stat().st_size, 3 * MIB)

    def test_a_disk_without_room_is_final_for_the_client(self):
        disk = self.folder / "disk"
        disk.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(disk)], capture_output=True, text=True)
        if mounted.returncode != 0:
            self.skipTest(f"a small disk cannot be mounted: {mounted.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", "-l", str(disk)], check=True)
        with TrackingServer(self.folder, TENURE_TRACKING__ARTIFACTS_DESTINATION=str(disk / "files")) as server:
            self.assertEqual(self.put(server, "f", bytes(3 * MIB))[0], 200)
            # Before its body: none is sent.
            connection = server.connect()
            connection.putrequest("PUT", f"{FILES}/f")
            connection.putheader("Content-Length", str(20 * MIB))
            connection.endheaders()
            answer = connection.getresponse()
            told = json.loads(answer.read())
            connection.close()
            self.assertEqual((answer.status, told["error_code"]), (507, "RESOURCE_EXHAUSTED"))
            for fact in (str(20 * MIB), str(disk / "files" / "f"), "No space left on device"):
                self.assertIn(fact, told["message"])
            # In the middle of one whose size nobody told.
            status, text = self.put(server, "f", (bytes(MIB) for _ in range(20)))
            self.assertEqual((status, json.loads(text)["error_code"]), (507, "RESOURCE_EXHAUSTED"))
            # While parts are put together.
            headers = {"Content-Type": "application/json"}
            path = {"path": "big.bin", "num_parts": 1}
            _, upload = server.request("POST", "/api/2.0/mlflow-artifacts/mpu/create", path, headers)
            connection = server.connect()
            connection.request("PUT", re.sub(r"^http://[^/]*", "", upload["credentials"][0]["url"]), bytes(3 * MIB))
            answer = connection.getresponse()
            answer.read()
            connection.close()
            done = {"path": "big.bin", "upload_id": upload["upload_id"],
                    "parts": [{"part_number": 1, "etag": answer.headers["ETag"]}]}
            status, told = server.request("POST", "/api/2.0/mlflow-artifacts/mpu/complete", done, headers)
            self.assertEqual((status, told["error_code"]), (507, "RESOURCE_EXHAUSTED"))
            self.assertEqual(server.request("POST", "/api/2.0/mlflow-artifacts/mpu/abort", done, headers)[0], 200)
            # Nothing of all that is left.
            self.assertEqual((disk / "files" / "f").stat().st_size, 3 * MIB)
            self.assertEqual(self.put(server, "g", bytes(4 * MIB))[0], 200)

    def test_an_upload_that_cannot_begin_says_why_in_mlflows_words(self):
        with TrackingServer(self.folder) as server:
            status, told = server.request("PUT", f"/api/2.0/mlflow-artifacts/mpu/part/{'0' * 32}/1", {})
            self.assertEqual((status, told["error_code"]), (404, "RESOURCE_DOES_NOT_EXIST"))
            self.assertIn("No multipart upload", told["message"])

    def test_an_upload_in_parts_goes_on_after_a_restart(self):
        path = {"path": "big.bin", "num_parts": 2}
        headers = {"Content-Type": "application/json"}
        parts = []

        def send(server, credential, body):
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
            connection.request("PUT", re.sub(r"^http://[^/]*", "", credential["url"]), body)
            answer = connection.getresponse()
            answer.read()
            self.assertEqual(answer.status, 200)
            parts.append({"part_number": credential["part_number"], "etag": answer.headers["ETag"]})
            connection.close()

        with TrackingServer(self.folder) as server:
            status, upload = server.request("POST", "/api/2.0/mlflow-artifacts/mpu/create/run", path, headers)
            self.assertEqual(status, 200, upload)
            first, second = upload["credentials"]
            send(server, second, b"second")
            server.process.send_signal(signal.SIGKILL)
            server.process.communicate()
        with TrackingServer(self.folder) as server:
            send(server, first, b"first, ")
            self.assertEqual(server.request("GET", FILES), (200, {}))
            done = {"path": "big.bin", "upload_id": upload["upload_id"], "parts": parts}
            self.assertEqual(server.request("POST", "/api/2.0/mlflow-artifacts/mpu/complete/run", done, headers), (200, {}))
            self.assertEqual(server.request("GET", f"{FILES}/run/big.bin"), (200, "first, second"))

    def test_memory_does_not_depend_on_the_size_of_a_file(self):
        def peak_mib(server):
            status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
            return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024

        with TrackingServer(self.folder) as server:
            self.assertEqual(self.put(server, "warm", bytes(2 * MIB))[0], 200)
            before = peak_mib(server)
            self.assertEqual(self.put(server, "large", bytes(200 * MIB))[0], 200)
            connection = server.connect()
            connection.request("GET", f"{FILES}/large")
            answer = connection.getresponse()
            size = 0
            while piece := answer.read(MIB):
                size += len(piece)
            connection.close()
            self.assertEqual(size, 200 * MIB)
            self.assertLess(peak_mib(server) - before, 32)


if __name__ == "__main__":
    unittest.main()
