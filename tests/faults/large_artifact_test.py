"""One artifact far larger than memory should be: up, down, in part and in parts, with the server's memory flat.

TENURE_TEST_ARTIFACT_MIB is its size; 1024 unless told. The disk needs two and a half times that.
"""
import http.client
import os
import pathlib
import re
import shutil
import unittest
import zlib

from tenure_process import TrackingServer, temporary_folder

API = "/api/2.0/mlflow-artifacts"
MIB = 1 << 20
SIZE = int(os.environ.get("TENURE_TEST_ARTIFACT_MIB", "1024")) * MIB + 12_345  # no whole number of pages
PARTS = 8
GROWTH_MIB = 24


def peak_mib(server):
    status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024


class LargeArtifact(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(temporary_folder())
        free, needed = shutil.disk_usage(self.folder).free, SIZE * 5 // 2
        if free < needed:
            self.skipTest(f"{free // MIB} MiB are free in {self.folder.parent}, {needed // MIB} MiB are needed")
        # Mostly a hole, so that it takes no disk, with something to tell its parts apart.
        self.source = self.folder / "source.bin"
        with open(self.source, "wb") as file:
            file.truncate(SIZE)
            for at in range(0, SIZE, SIZE // 100):
                file.seek(at)
                file.write(f"byte {at}".encode()[:SIZE - at])
        self.sum = self.sum_of(0, SIZE)

    def sum_of(self, at, size):
        total = 0
        with open(self.source, "rb") as file:
            file.seek(at)
            while size > 0:
                piece = file.read(min(size, 4 * MIB))
                total = zlib.crc32(piece, total)
                size -= len(piece)
        return total

    def put(self, server, target, at, size):
        """Sends a part of the source; the answer's headers."""
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=600)
        connection.putrequest("PUT", target)
        connection.putheader("Content-Length", str(size))
        connection.endheaders()
        with open(self.source, "rb") as file:
            connection.sock.settimeout(None)  # sendfile of the system takes none
            connection.sock.sendfile(file, at, size)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        self.assertEqual(answer.status, 200, text)
        return answer.headers

    def get(self, server, path, headers=None):
        """Status, size and checksum of what is sent."""
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=600)
        connection.request("GET", f"{API}/artifacts/{path}", headers=headers or {})
        answer = connection.getresponse()
        buffer, size, total = memoryview(bytearray(MIB)), 0, 0
        while n := answer.readinto(buffer):
            size += n
            total = zlib.crc32(buffer[:n], total)
        connection.close()
        return answer.status, size, total

    def test_goes_up_and_down_whole_and_in_part(self):
        with TrackingServer(self.folder) as server:
            self.put(server, f"{API}/artifacts/warm", 0, 4 * MIB)
            before = peak_mib(server)
            self.put(server, f"{API}/artifacts/run/large.bin", 0, SIZE)
            self.assertEqual(self.get(server, "run/large.bin"), (200, SIZE, self.sum))
            for first, last in ((SIZE // 3, SIZE // 3 + 50 * MIB), (SIZE - 5 * MIB, SIZE - 1)):
                part = self.get(server, "run/large.bin", {"Range": f"bytes={first}-{last}"})
                self.assertEqual(part, (206, last - first + 1, self.sum_of(first, last - first + 1)))
            self.assertLess(peak_mib(server) - before, GROWTH_MIB)
            print(f"{SIZE // MIB} MiB: peak memory {before:.0f} MiB before, {peak_mib(server):.0f} MiB after")

    def test_goes_up_in_parts(self):
        headers = {"Content-Type": "application/json"}
        with TrackingServer(self.folder) as server:
            self.put(server, f"{API}/artifacts/warm", 0, 4 * MIB)
            before = peak_mib(server)
            _, upload = server.request("POST", f"{API}/mpu/create/run", {"path": "large.bin", "num_parts": PARTS}, headers)
            each, parts = SIZE // PARTS // 4096 * 4096, []
            for number, credential in enumerate(upload["credentials"]):
                at = number * each
                size = each if number + 1 < PARTS else SIZE - at
                sent = self.put(server, re.sub(r"^http://[^/]*", "", credential["url"]), at, size)
                parts.append({"part_number": credential["part_number"], "etag": sent["ETag"]})
            done = {"path": "large.bin", "upload_id": upload["upload_id"], "parts": parts}
            self.assertEqual(server.request("POST", f"{API}/mpu/complete/run", done, headers), (200, {}))
            self.assertEqual(self.get(server, "run/large.bin"), (200, SIZE, self.sum))
            self.assertLess(peak_mib(server) - before, GROWTH_MIB)


if __name__ == "__main__":
    unittest.main()
