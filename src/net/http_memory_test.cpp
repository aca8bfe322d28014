// The server when memory runs out: in a process of its own, with a limit on its addresses.

#include <fstream>
#include <string>
#include <unistd.h>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "net/test_client.h"
#include "net/test_server.h"

namespace tenure::net {
namespace {

constexpr std::string_view kPing = "GET /ping HTTP/1.1\r\nHost: x\r\n\r\n";

/// Lets this process take `more` bytes of addresses than it has now.
bool limit_addresses(std::uint64_t more) {
  std::uint64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  const rlim_t limit = pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)) + more;
  const rlimit both{limit, limit};
  return pages > 0 && ::setrlimit(RLIMIT_AS, &both) == 0;
}

int run_out_of_memory() {
  HttpServerOptions options = TestServer::quick_options();
  options.threads = 1;
  options.body_max = options.bodies_max = std::uint64_t{1} << 40;
  TestServer server(options);
  TestClient steady(server.port());
  if (steady.ask(kPing).status != 200) return 1;
  const std::string megabyte(1'000'000, 'x');
  if (!limit_addresses(64'000'000)) return 2;
  TestClient greedy(server.port());
  if (!greedy.send("POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999999\r\n\r\n"))
    return 3;
  int sent = 0;
  while (sent < 1000 && greedy.send(megabyte)) ++sent;
  if (sent == 1000) return 4;
  if (steady.ask(kPing).status != 200) return 5;
  TestClient next(server.port());
  return next.ask(kPing).status == 200 ? 0 : 6;
}

TEST(HttpMemory, RunningOutOfItCostsOneConnectionAndNotTheServer) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer needs more addresses than such a limit leaves";
#endif
  const pid_t child = ::fork();
  if (child == 0) ::_exit(run_out_of_memory());
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status)) << "signal " << WTERMSIG(status);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace tenure::net
