#include <fmt/format.h>

#include "app/token_tasks.h"
#include "cli/command.h"
#include "cli/render.h"

namespace tenure::cli {
namespace {

using Kind = Option::Kind;

core::Result<Output> create(const Arguments& arguments) {
  auto rate = arguments.integer("--rate");
  if (!rate) return std::move(rate).error();
  auto project = app::Project::open_tracking(arguments.config);
  if (!project) return std::move(project).error();
  auto token = app::create_token(**project, {.name = arguments.text("NAME"),
                                             .role = arguments.text("--role"),
                                             .models = arguments.text("--models"),
                                             .lifetime = arguments.text("--expires"),
                                             .rate = *rate});
  if (!token) return std::move(token).error();
  std::string text = fmt::format(
      "{}\n\nThis is the token of {} ({}). It is shown this once; keep it like a password.\n",
      field(*token, "token"), field(*token, "name"), field(*token, "role"));
  if (!token->at("auth_enabled").as_bool())
    text += "The server does not ask for tokens yet: set auth.enabled: true.\n";
  return Output{*std::move(token), std::move(text)};
}

core::Result<Output> list(const Arguments& arguments) {
  auto project = app::Project::open_tracking(arguments.config);
  if (!project) return std::move(project).error();
  auto tokens = app::list_tokens(**project);
  if (!tokens) return std::move(tokens).error();
  std::string text = tokens->empty()
                         ? "No tokens yet; make one with `tenure admin tokens create`.\n"
                         : table_of(*tokens, {{"name", "name"},
                                              {"id", "id"},
                                              {"role", "role"},
                                              {"state", "state"},
                                              {"models", "models"},
                                              {"created", "created"},
                                              {"expires", "expires"},
                                              {"last_used", "last used"}});
  return Output{core::JsonObject{{"tokens", *std::move(tokens)}}, std::move(text)};
}

core::Result<Output> revoke(const Arguments& arguments) {
  auto project = app::Project::open_tracking(arguments.config);
  if (!project) return std::move(project).error();
  auto token = app::revoke_token(**project, arguments.text("TOKEN"));
  if (!token) return std::move(token).error();
  std::string text =
      fmt::format("The token {} ({}) is revoked.\n", field(*token, "name"), field(*token, "id"));
  return Output{*std::move(token), std::move(text)};
}

}  // namespace

std::vector<Command> token_commands() {
  return {
      {"admin tokens create",
       "Make a token for the server; it is shown once",
       "tenure admin tokens create scoring-service --role viewer --expires 90d\n"
       "tenure admin tokens create ci --role operator --models churn --rate 600 --json",
       {{"NAME", Kind::kArgument, "", "Who uses it; stands in the audit trail"},
        {"--role", Kind::kValue, "ROLE", "viewer, operator or admin", "viewer"},
        {"--models", Kind::kValue, "NAMES",
         "Models it may use, with commas between (default: all)"},
        {"--expires", Kind::kValue, "DURATION", "Lifetime, such as 90d (default: until revoked)"},
        {"--rate", Kind::kValue, "REQUESTS",
         "Requests in serving.rate_limit.window; 0 = as configured for all", "0"}},
       create},
      {"admin tokens list",
       "Tokens: role, state, when they were used",
       "tenure admin tokens list",
       {},
       list},
      {"admin tokens revoke",
       "End a token, at once and for good",
       "tenure admin tokens revoke scoring-service",
       {{"TOKEN", Kind::kArgument, "", "Name or id"}},
       revoke},
  };
}

}  // namespace tenure::cli
