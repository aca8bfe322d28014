#include "auth/token_store.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "core/json.h"
#include "storage/sql/migration.h"

namespace tenure::auth {
namespace {

constexpr std::size_t kNameMax = 100;
constexpr std::string_view kColumns =
    "id, name, digest, role, models, rate, created, created_by, expires, last_used, revoked, "
    "revoked_by";

// Times are microseconds since 1970, 0 where there is none. `models` is a JSON array.
constexpr auto kMigrations = std::to_array<storage::Migration>(
    {{1, "tokens",
      "CREATE TABLE tenure_tokens (id VARCHAR(8) NOT NULL PRIMARY KEY, name VARCHAR(100) NOT NULL, "
      "digest VARCHAR(64) NOT NULL UNIQUE, role VARCHAR(10) NOT NULL, models TEXT NOT NULL, "
      "rate BIGINT NOT NULL, created BIGINT NOT NULL, created_by VARCHAR(256) NOT NULL, "
      "expires BIGINT NOT NULL, last_used BIGINT NOT NULL, revoked BIGINT NOT NULL, "
      "revoked_by VARCHAR(256) NOT NULL);"
      "CREATE UNIQUE INDEX index_tenure_tokens_name ON tenure_tokens (name) WHERE revoked = 0;"}});

bool is_name(std::string_view name) {
  constexpr std::string_view kMarks = "-_.@";
  return !name.empty() && name.size() <= kNameMax && std::ranges::all_of(name, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kMarks.find(c) != std::string_view::npos;
  });
}

core::Result<> check(const TokenStore::Wanted& wanted) {
  const auto invalid = [](std::string message) {
    return core::Error{core::ErrorCode::kInvalidArgument, std::move(message)};
  };
  // It stands in logs, headers of the trail and columns as it is: no blanks, no control characters.
  if (!is_name(wanted.name))
    return invalid(
        fmt::format("the name of a token should be 1 to {} letters, digits and any of "
                    "\"-_.@\"",
                    kNameMax));
  if (wanted.role == core::Role::kAnyone)
    return invalid("the role of a token should be viewer, operator or admin");
  if (wanted.rate < 0) return invalid("the rate of a token should be 0 or more requests");
  if (wanted.lifetime < 0) return invalid("the lifetime of a token should not be negative");
  if (std::ranges::any_of(wanted.models, [](const std::string& model) { return model.empty(); }))
    return invalid("the models of a token should be names, without empty ones");
  return {};
}

std::string models_text(const std::vector<std::string>& models) {
  core::JsonArray array;
  for (const std::string& model : models) array.emplace_back(model);
  return core::to_text(array);
}

core::Result<Token> read_row(const storage::SqlRow& row) {
  Token token;
  token.id = row.text(0);
  token.name = row.text(1);
  const auto damaged = [&token](std::string_view what) {
    return core::Error{core::ErrorCode::kCorruption,
                       fmt::format("tenure_tokens row {}: {}", token.id, what)};
  };
  const auto digest = core::digest_of_hex(row.text(2));
  if (!digest) return damaged("the digest is no SHA-256");
  token.digest = *digest;
  const auto role = core::parse_role(row.text(3));
  if (!role) return damaged("the role is unknown");
  token.role = *role;
  const auto models = core::parse_json(row.text(4));
  if (!models || !models->is_array()) return damaged("the models are no list");
  for (const core::Json& model : models->get_array()) {
    if (!model.is_string()) return damaged("the models are no texts");
    token.models.emplace_back(model.get_string());
  }
  token.rate = row.integer(5);
  token.created = row.integer(6);
  token.created_by = row.text(7);
  token.expires = row.integer(8);
  token.last_used = row.integer(9);
  token.revoked = row.integer(10);
  token.revoked_by = row.text(11);
  return token;
}

}  // namespace

core::Result<> TokenStore::prepare() {
  return storage::migrate(*database_, "auth", kMigrations, clock_->now());
}

core::Result<TokenStore::Created> TokenStore::create(const Wanted& wanted) {
  if (auto ok = check(wanted); !ok) return std::move(ok).error();
  NewSecret secret = make_secret();
  Token token;
  token.id = std::move(secret.id);
  token.name = wanted.name;
  token.digest = core::sha256(secret.text);
  token.role = wanted.role;
  token.models = wanted.models;
  token.rate = wanted.rate;
  token.created = clock_->now();
  token.created_by = wanted.created_by;
  token.expires = wanted.lifetime == 0 ? 0 : token.created + wanted.lifetime;
  auto added = database_->execute(
      "INSERT INTO tenure_tokens (id, name, digest, role, models, rate, created, created_by, "
      "expires, last_used, revoked, revoked_by) VALUES (:id, :name, :digest, :role, :models, "
      ":rate, :created, :created_by, :expires, 0, 0, '')",
      {token.id, token.name, core::to_hex(token.digest), std::string(core::role_name(token.role)),
       models_text(token.models), token.rate, token.created, token.created_by, token.expires});
  if (!added) {
    if (added.error().code != core::ErrorCode::kAlreadyExists) return std::move(added).error();
    return core::Error{core::ErrorCode::kAlreadyExists,
                       fmt::format("there is a token '{}' already; revoke it first, or choose "
                                   "another name",
                                   token.name)};
  }
  return Created{std::move(token), std::move(secret.text)};
}

core::Result<std::vector<Token>> TokenStore::list() {
  auto rows =
      database_->query(fmt::format("SELECT {} FROM tenure_tokens ORDER BY created, id", kColumns));
  if (!rows) return std::move(rows).error();
  std::vector<Token> tokens;
  for (const storage::SqlRow& row : *rows) {
    auto token = read_row(row);
    if (!token) return std::move(token).error();
    tokens.push_back(*std::move(token));
  }
  return tokens;
}

core::Result<Token> TokenStore::revoke(const std::string& name_or_id,
                                       const std::string& revoked_by) {
  std::optional<Token> found;
  auto done = database_->transaction([&](storage::SqlExecutor& sql) -> core::Result<> {
    const core::Micros now = clock_->now();
    // A name goes before an id: one may be spelled like the other.
    for (const char* column : {"name", "id"}) {
      auto rows =
          sql.query(fmt::format("SELECT {} FROM tenure_tokens WHERE {} = :wanted AND revoked = 0",
                                kColumns, column),
                    {name_or_id});
      if (!rows) return std::move(rows).error();
      if (rows->empty()) continue;
      auto token = read_row(rows->front());
      if (!token) return std::move(token).error();
      token->revoked = now;
      token->revoked_by = revoked_by;
      auto changed =
          sql.execute("UPDATE tenure_tokens SET revoked = :now, revoked_by = :who WHERE id = :id",
                      {now, revoked_by, token->id});
      if (!changed) return std::move(changed).error();
      found = *std::move(token);
      return {};
    }
    return core::Error{core::ErrorCode::kNotFound,
                       fmt::format("there is no token '{}' that could be revoked; `tenure admin "
                                   "tokens list` shows all",
                                   name_or_id)};
  });
  if (!done) return std::move(done).error();
  return *std::move(found);
}

core::Result<> TokenStore::note_used(
    std::span<const std::pair<std::string, core::Micros>> times_by_id) {
  if (times_by_id.empty()) return {};
  return database_->transaction([&](storage::SqlExecutor& sql) -> core::Result<> {
    for (const auto& [id, time] : times_by_id) {
      auto changed = sql.execute(
          "UPDATE tenure_tokens SET last_used = :time WHERE id = :id AND last_used < :time",
          {time, id});
      if (!changed) return std::move(changed).error();
    }
    return {};
  });
}

}  // namespace tenure::auth
