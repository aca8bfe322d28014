#include <algorithm>

#include <fmt/format.h>

#include "app/server.h"
#include "cli/command.h"
#include "cli/console.h"

namespace tenure::cli {
namespace {

using Kind = Option::Kind;

/// Whether the environment or a flag says where the database is.
bool names_database(const core::ConfigSource& source) {
  constexpr std::string_view kKey = "storage.database=";
  return source.variables.contains("TENURE_STORAGE__DATABASE") ||
         std::ranges::any_of(source.overrides,
                             [](const std::string& text) { return text.starts_with(kKey); });
}

core::Result<Output> up(const Arguments& arguments) {
  core::ConfigSource source = arguments.config;
  if (const auto host = arguments.given("--host"))
    source.overrides.push_back("serving.host=" + *host);
  if (const auto port = arguments.given("--port"))
    source.overrides.push_back("serving.port=" + *port);
  if (const auto port = arguments.given("--grpc-port"))
    source.overrides.push_back("serving.grpc_port=" + *port);
  if (arguments.flag("--insecure")) source.overrides.emplace_back("serving.insecure=true");
  // Tracking and registry need a database and nothing else: no project where there is none.
  if (names_database(source)) source.text_without_file = "project: tracking";
  auto project = app::Project::open(source);
  if (!project) return std::move(project).error();
  const bool is_json = arguments.is_json;
  auto served = app::run_server(**project, [is_json](const app::ServerFacts& facts) {
    if (is_json) {
      const core::JsonObject line{{"address", facts.address},
                                  {"grpc", facts.grpc},
                                  {"model", facts.model},
                                  {"version", facts.version},
                                  {"not_ready", facts.not_ready}};
      write_output(core::to_text(line) + "\n");
      return;
    }
    write_output(
        fmt::format("Tenure answers at {0}  (try {0}/docs)\n", facts.address) +
        (facts.grpc.empty() ? std::string() : fmt::format("gRPC at {}\n", facts.grpc)) +
        (facts.not_ready.empty()
             ? fmt::format("Serving {} version {}. Stop with Ctrl-C.\n", facts.model, facts.version)
             : fmt::format("No model is served yet: {}.\n", facts.not_ready)));
  });
  if (!served) return std::move(served).error();
  return Output{core::JsonObject{{"stopped", true}}, ""};
}

}  // namespace

std::vector<Command> server_commands() {
  return {{"up",
           "The server: every API in one process",
           "tenure up\ntenure up --port 9000\n"
           "TENURE_STORAGE__DATABASE=sqlite:///mlflow.db tenure up  # tracking alone, without a "
           "project",
           {{"--host", Kind::kValue, "ADDRESS", "Address to listen on (default: serving.host)"},
            {"--port", Kind::kValue, "PORT", "HTTP port, 0 = any free one (default: serving.port)"},
            {"--grpc-port", Kind::kValue, "PORT",
             "gRPC port, 0 = any free one (default: serving.grpc_port)"},
            {"--insecure", Kind::kFlag, "",
             "Allow an address that others can reach, although no token is asked for"}},
           up}};
}

}  // namespace tenure::cli
