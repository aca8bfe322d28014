#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/mlflow/message.h"
#include "api/mlflow/mlflow_services.h"
#include "core/result.h"
#include "net/router.h"

namespace tenure::api::mlflow {

/// Text that a template takes as its argument.
template <std::size_t n>
struct FixedText {
  // NOLINTNEXTLINE(google-explicit-constructor): rows of a table are written with literals
  constexpr FixedText(const char (&literal)[n]) {
    for (std::size_t i = 0; i < n; ++i) text[i] = literal[i];
  }
  constexpr std::string_view view() const { return {text, n - 1}; }
  char text[n] = {};
};

/// Two texts as one with static lifetime, as Route::path wants.
template <FixedText a, FixedText b>
struct Joined {
  static constexpr auto kFixed = [] {
    char text[a.view().size() + b.view().size() + 1] = {};
    std::size_t at = 0;
    for (const char c : a.view()) text[at++] = c;
    for (const char c : b.view()) text[at++] = c;
    return FixedText(text);
  }();
  static constexpr std::string_view kView = kFixed.view();
};

/// Answers one call: appends JSON to `out`, which is empty; what stays empty is answered as {}.
using Call = core::Result<> (*)(const MlflowServices& services, const net::Request& request,
                                std::string& out);

/// A handler around a call, which answers errors in MLflow's way.
inline net::Handler handler_of(const MlflowServices& services, Call call) {
  return [&services, call](const net::Request& request, net::Response& response) {
    if (auto done = call(services, request, response.body); !done)
      return answer_error(response, done.error());
    if (response.body.empty()) response.body = "{}";
  };
}

/// Collects the rows of MLflow's table. Each call is served below both prefixes: programs use /api,
/// MLflow's web page /ajax-api. All block.
class RouteTable {
 public:
  explicit RouteTable(const MlflowServices& services) : services_(services) {}

  /// `path` lies below /api/2.0/mlflow and /ajax-api/2.0/mlflow.
  template <FixedText path>
  void add(net::Method method, Call call, net::Role role, std::string_view summary) {
    add_to(Joined<"/api/2.0/mlflow", path>::kView, method, call, role, summary);
    add_to(Joined<"/ajax-api/2.0/mlflow", path>::kView, method, call, role, {});
  }

  /// The same below /api/3.0 and /ajax-api/3.0.
  template <FixedText path>
  void add_v3(net::Method method, Call call, net::Role role, std::string_view summary) {
    add_to(Joined<"/api/3.0/mlflow", path>::kView, method, call, role, summary);
    add_to(Joined<"/ajax-api/3.0/mlflow", path>::kView, method, call, role, {});
  }

  /// At this path alone, which is static text. Without a summary it is in no list of routes.
  void add_to(std::string_view path, net::Method method, Call call, net::Role role,
              std::string_view summary) {
    routes_.push_back({.method = method,
                       .path = path,
                       .handler = handler_of(services_, call),
                       .role = role,
                       .is_blocking = true,
                       .body_max = method == net::Method::kGet ? kGetBody : 0,
                       .summary = summary});
  }

  std::vector<net::Route> take() { return std::move(routes_); }

 private:
  static constexpr std::uint64_t kGetBody = 64 * 1024;  // clients may send fields there, too

  const MlflowServices& services_;
  std::vector<net::Route> routes_;
};

}  // namespace tenure::api::mlflow
