// An open-loop HTTP client: sends POST requests at a fixed rate, whatever the server does, and
// measures each answer from the time its request was due. A closed-loop client such as wrk stops
// sending while the server stalls, so stalls vanish from its percentiles (coordinated omission).
//
//   bench_fixed_rate HOST PORT PATH BODIES RATE SECONDS [CONNECTIONS]
//
// BODIES: a file with one request body a line, sent in turn. HOST must be a loopback address.
// Prints one JSON object, latencies in microseconds.

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unistd.h>
#include <vector>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::int64_t kGraceNs = 2'000'000'000;  // for answers after the last request

struct Options {
  std::string host;
  std::uint16_t port = 0;
  std::string path;
  std::string bodies;
  double rate = 0;
  double seconds = 0;
  std::size_t connections = 32;
};

struct Connection {
  int socket = -1;
  bool is_waiting = false;
  std::int64_t due_ns = 0;
  std::string received;
};

struct Report {
  std::size_t sent = 0;
  std::size_t errors = 0;
  std::vector<std::int64_t> latencies_ns;
};

std::vector<std::string> make_requests(const Options& options) {
  std::ifstream file(options.bodies);
  if (!file) throw std::runtime_error(fmt::format("{}: cannot be opened", options.bodies));
  std::vector<std::string> requests;
  for (std::string body; std::getline(file, body);) {
    requests.push_back(
        fmt::format("POST {} HTTP/1.1\r\nHost: {}:{}\r\nContent-Type: application/json\r\n"
                    "Content-Length: {}\r\n\r\n{}",
                    options.path, options.host, options.port, body.size(), body));
  }
  if (requests.empty()) throw std::runtime_error(fmt::format("{}: no bodies", options.bodies));
  return requests;
}

int open_socket(const Options& options) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(options.port);
  if (inet_pton(AF_INET, options.host.c_str(), &address.sin_addr) != 1 ||
      (ntohl(address.sin_addr.s_addr) >> 24) != 127) {
    throw std::runtime_error(fmt::format("'{}' is no loopback address", options.host));
  }
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket < 0 ||
      ::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    throw std::runtime_error(
        fmt::format("connect to {}:{}: {}", options.host, options.port, std::strerror(errno)));
  }
  const int on = 1;
  setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  fcntl(socket, F_SETFL, fcntl(socket, F_GETFL) | O_NONBLOCK);
  return socket;
}

// The length of the first whole answer in `received`; 0 while it is incomplete.
std::size_t answer_length(std::string_view received) {
  const auto header_end = received.find("\r\n\r\n");
  if (header_end == std::string_view::npos) return 0;
  std::string header(received.substr(0, header_end));
  std::transform(header.begin(), header.end(), header.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const auto position = header.find("content-length:");
  if (position == std::string::npos) throw std::runtime_error("an answer without Content-Length");
  const auto length = header_end + 4 + std::stoul(header.substr(position + 15));
  return received.size() >= length ? length : 0;
}

class Client {
 public:
  explicit Client(const Options& options) : options_(options), requests_(make_requests(options)) {
    connections_.resize(options.connections);
    for (auto& connection : connections_) {
      connection.socket = open_socket(options);
      polls_.push_back({.fd = connection.socket, .events = POLLIN, .revents = 0});
    }
  }
  ~Client() {
    for (const auto& connection : connections_) ::close(connection.socket);
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  Report run() {
    const auto total = static_cast<std::size_t>(options_.rate * options_.seconds);
    report_.latencies_ns.reserve(total);
    start_ = Clock::now();
    while (answered_ < total) {
      const std::int64_t now = elapsed_ns();
      if (now > due_ns(total) + kGraceNs) break;
      while (report_.sent < total && due_ns(report_.sent) <= now && send_next()) {
      }
      wait(report_.sent < total ? due_ns(report_.sent) - elapsed_ns() : kGraceNs);
    }
    report_.errors += total - answered_;
    return std::move(report_);
  }

 private:
  std::int64_t elapsed_ns() const {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - start_).count();
  }
  std::int64_t due_ns(std::size_t i) const {
    return static_cast<std::int64_t>(static_cast<double>(i) / options_.rate * 1e9);
  }

  // False when every connection waits for an answer: the request goes out late, and its latency is
  // still counted from when it was due.
  bool send_next() {
    for (std::size_t tried = 0; tried < connections_.size(); ++tried) {
      auto& connection = connections_[next_connection_];
      next_connection_ = (next_connection_ + 1) % connections_.size();
      if (connection.is_waiting) continue;
      const auto& request = requests_[report_.sent % requests_.size()];
      const auto sent = ::send(connection.socket, request.data(), request.size(), MSG_NOSIGNAL);
      if (sent != static_cast<ssize_t>(request.size())) {
        throw std::runtime_error("the server does not take a request in one piece");
      }
      connection.is_waiting = true;
      connection.due_ns = due_ns(report_.sent++);
      return true;
    }
    return false;
  }

  void wait(std::int64_t timeout_ns) {
    timeout_ns = std::clamp<std::int64_t>(timeout_ns, 0, 50'000'000);
    const timespec timeout{.tv_sec = 0, .tv_nsec = timeout_ns};
    if (ppoll(polls_.data(), polls_.size(), &timeout, nullptr) <= 0) return;
    for (std::size_t i = 0; i < polls_.size(); ++i) {
      if (polls_[i].revents != 0) receive(connections_[i]);
    }
  }

  void receive(Connection& connection) {
    char buffer[16384];
    const auto count = ::recv(connection.socket, buffer, sizeof(buffer), 0);
    if (count == 0) throw std::runtime_error("the server closed a connection");
    if (count < 0) return;
    connection.received.append(buffer, static_cast<std::size_t>(count));
    const auto length = answer_length(connection.received);
    if (length == 0 || !connection.is_waiting) return;
    if (connection.received.compare(0, 12, "HTTP/1.1 200") != 0) ++report_.errors;
    connection.received.erase(0, length);
    connection.is_waiting = false;
    report_.latencies_ns.push_back(elapsed_ns() - connection.due_ns);
    ++answered_;
  }

  const Options& options_;
  std::vector<std::string> requests_;
  std::vector<Connection> connections_;
  std::vector<pollfd> polls_;
  std::size_t next_connection_ = 0;
  std::size_t answered_ = 0;
  Clock::time_point start_;
  Report report_;
};

double percentile_us(const std::vector<std::int64_t>& sorted, double share) {
  if (sorted.empty()) return 0;
  const auto last = static_cast<double>(sorted.size() - 1);
  return static_cast<double>(sorted[static_cast<std::size_t>(std::round(share * last))]) / 1000;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc < 7 || argc > 8) {
      fmt::print(stderr, "usage: {} HOST PORT PATH BODIES RATE SECONDS [CONNECTIONS]\n", argv[0]);
      return 2;
    }
    Options options{.host = argv[1],
                    .port = static_cast<std::uint16_t>(std::stoi(argv[2])),
                    .path = argv[3],
                    .bodies = argv[4],
                    .rate = std::stod(argv[5]),
                    .seconds = std::stod(argv[6])};
    if (argc == 8) options.connections = std::stoul(argv[7]);
    if (options.rate <= 0 || options.seconds <= 0 || options.seconds > 60 ||
        options.connections == 0 || options.connections > 1024) {
      fmt::print(stderr, "RATE > 0, 0 < SECONDS <= 60, 1 <= CONNECTIONS <= 1024\n");
      return 2;
    }
    auto report = Client(options).run();
    auto& sorted = report.latencies_ns;
    std::sort(sorted.begin(), sorted.end());
    fmt::print(
        "{{\"rate\": {:.0f}, \"sent\": {}, \"errors\": {}, \"p50_us\": {:.1f}, \"p90_us\": {:.1f}, "
        "\"p99_us\": {:.1f}, \"p999_us\": {:.1f}, \"max_us\": {:.1f}}}\n",
        options.rate, report.sent, report.errors, percentile_us(sorted, 0.5),
        percentile_us(sorted, 0.9), percentile_us(sorted, 0.99), percentile_us(sorted, 0.999),
        percentile_us(sorted, 1));
    return report.errors == 0 ? 0 : 1;
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench_fixed_rate: {}\n", error.what());
    return 1;
  }
}
