#include "monitoring/label_store.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "core/ascii_case.h"
#include "storage/sql/migration.h"
#include "tracking/audit.h"
#include "tracking/sql_rows.h"

namespace tenure::monitoring {
namespace {

using storage::SqlExecutor;
using storage::SqlValue;

constexpr std::string_view kAuditSubject = "labels";

// Times are microseconds since 1970. `key_time` is the label's time where it names a customer, and
// 0 where it names a prediction, which has one label only. `subject` is the customer or the
// prediction.
constexpr std::string_view kOutcomes =
    "CREATE TABLE tenure_outcomes (model VARCHAR(256) NOT NULL, version BIGINT NOT NULL, "
    "subject TEXT NOT NULL, prediction_id TEXT NOT NULL, variant VARCHAR(64) NOT NULL, "
    "is_shadow BIGINT NOT NULL, predicted BIGINT NOT NULL, probability DOUBLE PRECISION NOT NULL, "
    "outcome BIGINT NOT NULL, label_time BIGINT NOT NULL, label_id BIGINT NOT NULL, "
    "PRIMARY KEY (model, version, subject));";
constexpr std::string_view kLabelColumns =
    "model VARCHAR(256) NOT NULL, prediction_id TEXT NOT NULL, entity_id TEXT NOT NULL, "
    "key_time BIGINT NOT NULL, time BIGINT NOT NULL, outcome BIGINT NOT NULL, "
    "received BIGINT NOT NULL, actor VARCHAR(256) NOT NULL);"
    "CREATE UNIQUE INDEX index_tenure_labels_subject ON tenure_labels (entity_id, prediction_id, "
    "model, key_time);";

core::Micros key_time(const OutcomeLabel& label) {
  return label.prediction_id.empty() ? label.time : 0;
}

/// Labels as they are kept: of several that speak of the same the last of the latest time.
std::vector<const OutcomeLabel*> without_repeats(std::span<const OutcomeLabel> labels) {
  using Key = std::tuple<std::string_view, std::string_view, std::string_view, core::Micros>;
  std::map<Key, const OutcomeLabel*> kept;
  for (const OutcomeLabel& label : labels) {
    const Key key{label.entity_id, label.prediction_id, label.model, key_time(label)};
    const auto [at, is_new] = kept.emplace(key, &label);
    if (!is_new && label.time >= at->second->time) at->second = &label;
  }
  std::vector<const OutcomeLabel*> list;
  list.reserve(kept.size());
  for (const auto& [key, label] : kept) list.push_back(label);
  return list;
}

/// Removes what the labels contradict; a row that comes in its place has a new id, so that whoever
/// has read the old one meets it.
core::Result<> remove_contradicted(SqlExecutor& sql, std::span<const OutcomeLabel* const> labels) {
  constexpr std::size_t kAtOnce = 128;
  for (std::size_t begin = 0; begin < labels.size(); begin += kAtOnce) {
    const auto some = labels.subspan(begin, std::min(kAtOnce, labels.size() - begin));
    std::string text =
        "WITH told (entity_id, prediction_id, model, key_time, time, outcome) AS (VALUES ";
    std::vector<SqlValue> values;
    auto out = std::back_inserter(text);
    for (const OutcomeLabel* const label : some) {
      const std::size_t n = values.size();
      fmt::format_to(out,
                     "{}(CAST(:p{} AS TEXT), CAST(:p{} AS TEXT), CAST(:p{} AS TEXT), "
                     "CAST(:p{} AS BIGINT), CAST(:p{} AS BIGINT), CAST(:p{} AS BIGINT))",
                     n == 0 ? "" : ", ", n, n + 1, n + 2, n + 3, n + 4, n + 5);
      values.emplace_back(label->entity_id);
      values.emplace_back(label->prediction_id);
      values.emplace_back(label->model);
      values.emplace_back(key_time(*label));
      values.emplace_back(label->time);
      values.emplace_back(std::int64_t{label->has_happened ? 1 : 0});
    }
    text +=
        ") DELETE FROM tenure_labels WHERE id IN (SELECT l.id FROM told t JOIN tenure_labels l ON "
        "l.entity_id = t.entity_id AND l.prediction_id = t.prediction_id AND l.model = t.model AND "
        "l.key_time = t.key_time WHERE l.outcome <> t.outcome AND l.time <= t.time)";
    if (auto removed = sql.execute(text, values); !removed) return std::move(removed).error();
  }
  return {};
}

/// The ids of the outcomes' labels that are still kept.
core::Result<std::set<std::int64_t>> labels_that_are(SqlExecutor& sql,
                                                     std::span<const JoinedOutcome> outcomes) {
  std::set<std::int64_t> asked, kept;
  for (const JoinedOutcome& outcome : outcomes) asked.insert(outcome.label_id);
  const std::vector<SqlValue> ids(asked.begin(), asked.end());
  auto read = tracking::for_each_by_list(sql, "SELECT id FROM tenure_labels WHERE id IN ({list})",
                                         {}, ids, [&kept](const storage::SqlRowView& row) {
                                           kept.insert(row.integer(0));
                                           return true;
                                         });
  if (!read) return std::move(read).error();
  return kept;
}

}  // namespace

std::optional<bool> read_outcome(std::string_view text, std::string_view positive,
                                 std::string_view negative) {
  const auto is_one_of = [text](std::initializer_list<std::string_view> words) {
    return std::ranges::any_of(words, [text](std::string_view word) {
      return !word.empty() && core::equals_ignoring_case(text, word);
    });
  };
  // The model's own words first: its event may be called "no".
  if (is_one_of({positive})) return true;
  if (is_one_of({negative})) return false;
  if (is_one_of({"1", "1.0", "true", "yes"})) return true;
  if (is_one_of({"0", "0.0", "false", "no"})) return false;
  return std::nullopt;
}

core::Result<> LabelStore::prepare() {
  const bool is_postgresql = database_->backend() == "postgresql";
  const std::string sql =
      fmt::format("CREATE TABLE tenure_labels (id {}, {}{}",
                  is_postgresql ? "BIGSERIAL PRIMARY KEY" : "INTEGER PRIMARY KEY AUTOINCREMENT",
                  kLabelColumns, kOutcomes);
  const std::array<storage::Migration, 1> migrations{{{1, "labels and outcomes", sql}}};
  return storage::migrate(*database_, "labels", migrations, clock_->now());
}

core::Result<std::int64_t> LabelStore::add(std::span<const OutcomeLabel> labels,
                                           std::string_view actor) {
  const std::vector<const OutcomeLabel*> kept = without_repeats(labels);
  std::int64_t added = 0;
  const core::Micros now = clock_->now();
  const auto insert = [&](SqlExecutor& sql) {
    return tracking::insert_rows(
        sql,
        {"INSERT INTO tenure_labels (received, actor, model, prediction_id, entity_id, key_time, "
         "time, outcome) VALUES ",
         "(:received, :actor, ?, ?, ?, ?, ?, ?)", " ON CONFLICT DO NOTHING"},
        {now, std::string(actor.substr(0, 256))}, kept.size(),
        [&](std::size_t i, std::vector<SqlValue>& row) {
          const OutcomeLabel& label = *kept[i];
          row.emplace_back(label.model);
          row.emplace_back(label.prediction_id);
          row.emplace_back(label.entity_id);
          row.emplace_back(key_time(label));
          row.emplace_back(label.time);
          row.emplace_back(std::int64_t{label.has_happened ? 1 : 0});
        });
  };
  auto done = database_->transaction([&](SqlExecutor& sql) -> core::Result<> {
    auto inserted = insert(sql);
    if (!inserted) return std::move(inserted).error();
    added = *inserted;
    if (added == static_cast<std::int64_t>(kept.size())) return {};
    // Some are there already, and may say otherwise.
    if (auto removed = remove_contradicted(sql, kept); !removed) return removed;
    inserted = insert(sql);
    if (!inserted) return std::move(inserted).error();
    added += *inserted;
    return {};
  });
  if (!done) return std::move(done).error();
  return added;
}

core::Result<std::vector<OutcomeLabel>> LabelStore::after(std::int64_t id,
                                                          std::size_t limit) const {
  std::vector<OutcomeLabel> labels;
  auto read = database_->for_each(
      "SELECT id, model, prediction_id, entity_id, time, received, outcome FROM tenure_labels "
      "WHERE id > :id ORDER BY id LIMIT :limit",
      {id, static_cast<std::int64_t>(limit)}, [&](const storage::SqlRowView& row) {
        labels.push_back({.id = row.integer(0),
                          .model = std::string(row.text(1)),
                          .prediction_id = std::string(row.text(2)),
                          .entity_id = std::string(row.text(3)),
                          .time = row.integer(4),
                          .received = row.integer(5),
                          .has_happened = row.integer(6) != 0});
        return true;
      });
  if (!read) return std::move(read).error();
  return labels;
}

core::Result<LabelStore::Position> LabelStore::position() const {
  auto rows = database_->query(
      "SELECT (SELECT MAX(id) FROM tenure_labels), (SELECT MAX(id) FROM tenure_audit WHERE subject "
      "= :subject)",
      {std::string(kAuditSubject)});
  if (!rows) return std::move(rows).error();
  return Position{rows->front().integer_if(0).value_or(0), rows->front().integer_if(1).value_or(0)};
}

core::Result<> LabelStore::join(std::span<const JoinedOutcome> all) {
  if (all.empty()) return {};
  return database_->transaction([&](SqlExecutor& sql) -> core::Result<> {
    // Whoever looked for their predictions may have read labels that were erased meanwhile.
    const auto known = labels_that_are(sql, all);
    if (!known) return known.error();
    std::vector<JoinedOutcome> outcomes;
    std::ranges::copy_if(all, std::back_inserter(outcomes),
                         [&](const JoinedOutcome& one) { return known->contains(one.label_id); });
    if (outcomes.empty()) return {};
    auto written = tracking::insert_rows(
        sql,
        {"INSERT INTO tenure_outcomes (model, version, subject, prediction_id, variant, is_shadow, "
         "predicted, probability, outcome, label_time, label_id) VALUES ",
         "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
         " ON CONFLICT (model, version, subject) DO UPDATE SET prediction_id = "
         "excluded.prediction_id, variant = excluded.variant, is_shadow = excluded.is_shadow, "
         "predicted = excluded.predicted, probability = excluded.probability, outcome = "
         "excluded.outcome, label_time = excluded.label_time, label_id = excluded.label_id WHERE "
         "(excluded.predicted, excluded.label_time, excluded.label_id) > "
         "(tenure_outcomes.predicted, tenure_outcomes.label_time, tenure_outcomes.label_id)"},
        {}, outcomes.size(), [&](std::size_t i, std::vector<SqlValue>& row) {
          const JoinedOutcome& one = outcomes[i];
          row.emplace_back(one.model);
          row.emplace_back(one.version);
          row.emplace_back(one.subject);
          row.emplace_back(one.prediction_id);
          row.emplace_back(one.variant);
          row.emplace_back(std::int64_t{one.is_shadow ? 1 : 0});
          row.emplace_back(one.predicted);
          row.emplace_back(one.probability);
          row.emplace_back(std::int64_t{one.has_happened ? 1 : 0});
          row.emplace_back(one.label_time);
          row.emplace_back(one.label_id);
        });
    if (!written) return std::move(written).error();
    return {};
  });
}

core::Result<LabelStore::Erased> LabelStore::erase(std::span<const std::string> customers,
                                                   const std::vector<std::string>& predictions,
                                                   const tracking::Change& change) {
  Erased erased;
  const core::Micros now = clock_->now();
  auto done = database_->transaction([&](SqlExecutor& sql) -> core::Result<> {
    erased = {};
    std::vector<std::string> theirs = predictions;
    const std::vector<SqlValue> names = tracking::distinct_values(customers);
    auto read = tracking::for_each_by_list(
        sql, "SELECT prediction_id FROM tenure_outcomes WHERE subject IN ({list})", {}, names,
        [&theirs](const storage::SqlRowView& row) {
          theirs.emplace_back(row.text(0));
          return true;
        });
    if (!read) return read;
    const auto remove = [&sql](std::string_view text, const std::vector<SqlValue>& values,
                               std::int64_t& count) -> core::Result<> {
      auto removed = tracking::execute_by_list(sql, text, values);
      if (!removed) return std::move(removed).error();
      count += *removed;
      return {};
    };
    if (auto ok =
            remove("DELETE FROM tenure_labels WHERE entity_id IN ({list})", names, erased.labels);
        !ok)
      return ok;
    if (auto ok = remove("DELETE FROM tenure_labels WHERE entity_id = '' AND prediction_id IN "
                         "({list})",
                         tracking::distinct_values(theirs), erased.labels);
        !ok)
      return ok;
    if (auto ok =
            remove("DELETE FROM tenure_outcomes WHERE subject IN ({list})", names, erased.outcomes);
        !ok)
      return ok;
    // Not whose: the trail is never changed, and they asked to be forgotten.
    tracking::Change told = change;
    told.evidence = core::JsonObject{
        {"customers", names.size()}, {"labels", erased.labels}, {"outcomes", erased.outcomes}};
    return tracking::add_audit(
        sql, now, {.action = "erase", .subject = std::string(kAuditSubject), .from = {}, .to = {}},
        told);
  });
  if (!done) return std::move(done).error();
  return erased;
}

core::Result<std::vector<LabelStore::VersionOutcomes>> LabelStore::outcomes(
    core::Micros predicted_until) const {
  std::vector<VersionOutcomes> versions;
  auto read = database_->for_each(
      "SELECT model, version, COUNT(*), CAST(SUM(outcome) AS BIGINT), SUM(probability), "
      "SUM(probability * (1 - probability)), "
      "SUM((outcome - probability) * (outcome - probability)), "
      "SUM(probability * (1 - probability) * (1 - 2 * probability) * (1 - 2 * probability)), "
      "MIN(predicted), MAX(predicted) FROM tenure_outcomes WHERE predicted <= :until "
      "GROUP BY model, version ORDER BY model, version",
      {predicted_until}, [&](const storage::SqlRowView& row) {
        versions.push_back({.model = std::string(row.text(0)),
                            .version = row.integer(1),
                            .sums = {.customers = static_cast<std::uint64_t>(row.integer(2)),
                                     .events = static_cast<std::uint64_t>(row.integer(3)),
                                     .expected = row.number(4),
                                     .variance = row.number(5),
                                     .squared_error = row.number(6),
                                     .excess_variance = row.number(7)},
                            .first_predicted = row.integer(8),
                            .last_predicted = row.integer(9)});
        return true;
      });
  if (!read) return std::move(read).error();
  return versions;
}

}  // namespace tenure::monitoring
