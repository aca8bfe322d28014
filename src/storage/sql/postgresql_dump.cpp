#include "storage/sql/postgresql_dump.h"

#include <cerrno>
#include <fcntl.h>
#include <memory>
#include <spawn.h>
#include <string>
#include <unistd.h>
#include <vector>

#include <fmt/format.h>
#include <postgresql/libpq-fe.h>
#include <sys/wait.h>

#include "core/file.h"
#include "storage/sql/postgresql_connection.h"

namespace tenure::storage {
namespace {

struct FreeOptions {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};

struct Target {
  std::vector<std::string> environment;
  std::string database;
  std::string schema;
  std::int64_t tables = 0;
};

/// This process's environment with the URL's parts as the variables libpq reads.
core::Result<Target> find_target(std::string_view url) {
  auto address = parse_postgresql_url(url);
  if (!address) return std::move(address).error();
  auto connection = PostgresqlConnection::open(*address, Access::kRead);
  if (!connection) return std::move(connection).error();
  auto rows = (*connection)
                  ->query(
                      "SELECT current_schema(), (SELECT COUNT(*) FROM "
                      "information_schema.tables WHERE table_schema = current_schema()), "
                      "current_database()",
                      {});
  if (!rows) return std::move(rows).error();
  Target target;
  target.schema = rows->front().text_or(0, "public");
  target.tables = rows->front().integer(1);
  target.database = rows->front().text_or(2, "");
  for (char** variable = ::environ; *variable != nullptr; ++variable) {
    if (!std::string_view(*variable).starts_with("PG")) target.environment.emplace_back(*variable);
  }
  const std::unique_ptr<PQconninfoOption, FreeOptions> options(
      PQconninfoParse(address->url.c_str(), nullptr));
  for (const PQconninfoOption* option = options.get();
       option != nullptr && option->keyword != nullptr; ++option) {
    if (option->val != nullptr && option->envvar != nullptr)
      target.environment.push_back(fmt::format("{}={}", option->envvar, option->val));
  }
  return target;
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> result;
  for (std::string& word : words) result.push_back(word.data());
  result.push_back(nullptr);
  return result;
}

/// Runs a program of PostgreSQL's; what it says goes into the error.
core::Result<> run(std::vector<std::string> command, Target& target,
                   const std::filesystem::path& messages) {
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, messages.c_str(),
                                     O_WRONLY | O_CREAT | O_TRUNC, 0600);
  const std::vector<char*> words = pointers(command);
  const std::vector<char*> environment = pointers(target.environment);
  pid_t child = 0;
  const int spawned =
      ::posix_spawnp(&child, words.front(), &actions, nullptr, words.data(), environment.data());
  ::posix_spawn_file_actions_destroy(&actions);
  int status = 127 << 8;
  if (spawned == 0) {
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
  }
  const auto said = core::read_file(messages);
  std::error_code ignored;
  std::filesystem::remove(messages, ignored);
  if (spawned != 0 || (WIFEXITED(status) && WEXITSTATUS(status) == 127)) {
    return core::Error{core::ErrorCode::kUnavailable,
                       fmt::format("{} could not be started; it is in the Debian package "
                                   "postgresql-client, of the server's version or later",
                                   command.front())};
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return core::Error{core::ErrorCode::kUnavailable,
                     fmt::format("{} failed: {}", command.front(), said ? *said : "")};
}

}  // namespace

core::Result<> dump_postgresql(std::string_view url, const std::filesystem::path& file) {
  auto target = find_target(url);
  if (!target) return std::move(target).error();
  const std::filesystem::path unfinished = core::unfinished_path(file);
  auto dumped = run({"pg_dump", "--format=custom", "--no-owner", "--no-privileges",
                     "--schema=\"" + target->schema + "\"", "--file=" + unfinished.string()},
                    *target, core::unfinished_path(file));
  if (!dumped) return dumped;
  return core::publish_file(unfinished, file);
}

core::Result<> undump_postgresql(std::string_view url, const std::filesystem::path& file,
                                 bool replaces) {
  auto target = find_target(url);
  if (!target) return std::move(target).error();
  if (target->tables > 0 && !replaces) {
    return core::Error{core::ErrorCode::kConflict,
                       fmt::format("the schema {} of the database {} holds something already",
                                   target->schema, target->database)};
  }
  return run(
      {"pg_restore", "--no-owner", "--no-privileges", "--clean", "--if-exists",
       "--single-transaction", "--exit-on-error", "--dbname=" + target->database, file.string()},
      *target, core::unfinished_path(file));
}

}  // namespace tenure::storage
