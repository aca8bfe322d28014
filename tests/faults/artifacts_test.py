"""Artifacts when things go wrong: a server that is killed, a disk that is full, files larger than memory should be."""
import http.client
import json
import pathlib
import re
import resource
import signal
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
            self.assertEqual((status, json.loads(text)["error_code"]), (429, "RESOURCE_EXHAUSTED"))
            self.assertEqual(server.request("GET", f"{FILES}/f"), (200, "old"))
            self.assertEqual(self.visible(), ["f"])
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))
            self.assertEqual(self.put(server, "f", bytes(3 * MIB))[0], 200)
            self.assertEqual((self.destination / "f").stat().st_size, 3 * MIB)

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
