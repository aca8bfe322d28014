#include "data/telco_timeline.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <utility>

#include <fmt/core.h>

#include "core/time_format.h"
#include "data/telco_events.h"
#include "data/telco_history.h"
#include "data/telco_population.h"

namespace tenure::data {
namespace {

// Latent dissatisfaction: an autoregressive process with variance 1.
constexpr double kMoodMemory = 0.8;
constexpr double kMoodShock = 0.6;
// Signals the latent state sends out.
constexpr double kTicketBase = -1.6, kTicketMood = 0.55;
constexpr double kUsageMean = 3.0, kUsageSpread = 0.5, kUsageMood = -0.18, kUsageNoise = 0.25;
constexpr double kLateBase = -3.0, kLateMood = 0.4, kLateElectronicCheck = 0.5;
// Monthly hazard out of the log-odds of ever leaving.
constexpr double kHazardBase = -3.1, kHazardMood = 0.9, kHazardPriceRise = 6.0;
constexpr double kPriceRise = 0.15;
constexpr double kFlexShare = 0.4, kFlexHazard = -0.6;
constexpr double kInvoiceVariance = 2.0;
constexpr double kOfferShare = 0.02, kOfferPerCent = 10;
constexpr double kDelayShape = 2, kDelayScaleDays = 5;
constexpr int kOutageMonths = 2;
constexpr int kNever = TelcoHistory::kNever;
constexpr core::Micros kHour = 3'600 * core::kMicrosPerSecond;

struct ScenarioInfo {
  TelcoScenario scenario;
  std::string_view name;
  int month;
};
constexpr std::array kScenarios = std::to_array<ScenarioInfo>({
    {TelcoScenario::kNone, "none", kNever},
    {TelcoScenario::kPriceRise, "price_rise", 18},
    {TelcoScenario::kDataOutage, "data_outage", 20},
    {TelcoScenario::kNewPlan, "new_plan", 15},
    {TelcoScenario::kTrackingRename, "tracking_rename", 18},
});

core::Micros month_start(core::Micros start, int month) {
  using namespace std::chrono;
  const sys_days day = floor<days>(sys_time<microseconds>(microseconds(start)));
  const year_month_day first(day);
  const sys_days moved = (first.year() / first.month() + std::chrono::months(month)) / 1d;
  return duration_cast<microseconds>(moved.time_since_epoch()).count();
}

/// A random source of its own for each slot, month and purpose. What one customer does never
/// changes what another draws, so scenarios of one seed differ only where they should.
enum Purpose : std::uint64_t {
  kFirstStream,
  kSignupStream,
  kMonthStream,
  kSignalStream,
  kMoneyStream,
  kBehaviourStream,
  kFateStream,
};
core::Random stream(std::uint64_t seed, int slot, int month, Purpose purpose) {
  std::uint64_t mixed = seed;
  for (const std::uint64_t part :
       {static_cast<std::uint64_t>(slot), static_cast<std::uint64_t>(month + 1'000'000),
        static_cast<std::uint64_t>(purpose)}) {
    mixed = (mixed ^ (part + 0x9e3779b97f4a7c15ULL)) * 0xbf58476d1ce4e5b9ULL;
    mixed ^= mixed >> 29;
  }
  return core::Random(mixed);
}

core::Micros days_to_micros(double days) {
  return static_cast<core::Micros>(days * kMicrosPerDay);
}

// Leaving such a contract is a non-renewal, which counts only after a grace period.
bool has_renewal(const TelcoCustomer& customer) {
  return customer.contract == TelcoContract::kOneYear ||
         customer.contract == TelcoContract::kTwoYear;
}

struct Slot {
  TelcoCustomer customer;
  std::uint32_t index = 0;        ///< of the customer among all there ever were
  int first_month = 0;            ///< as the simulation sees it
  core::Micros present_from = 0;  ///< this month
  double mood = 0;
  double usage_mean = 0;
  bool is_price_raised = false;
};

struct Signals {
  std::uint64_t tickets = 0;
  double usage_gb = 0;
  bool is_late = false;
};

class Simulation {
 public:
  explicit Simulation(const TimelineOptions& options)
      : options_(options), ids_(options.seed), log_(options.has_events) {
    const auto& info = kScenarios[static_cast<std::size_t>(options.scenario)];
    scenario_month_ = options.scenario_month.value_or(info.month);
    if (options.scenario == TelcoScenario::kNone) scenario_month_ = kNever;
  }

  TelcoTimeline run() &&;

 private:
  bool is_active(TelcoScenario scenario, int month) const {
    return options_.scenario == scenario && month >= scenario_month_;
  }
  bool is_outage(int month) const {
    return is_active(TelcoScenario::kDataOutage, month) && month < scenario_month_ + kOutageMonths;
  }
  bool has_log(int month) const { return month >= 0 && month < options_.months; }
  core::Micros start_of(int month) const { return month_start(options_.start, month); }

  void add_first_customers();
  void sign_up(int slot, int month, core::Micros after);
  void grow(int month);
  void begin_month(int slot, int month);
  void bill(Slot& slot, core::Random& random, int month, bool is_late);
  Signals emit_signals(const Slot& slot, core::Random& random) const;
  void log_usage(const Slot& slot, core::Random& random, int month, double usage_gb);
  void change_plan(Slot& slot, core::Random& random, int month);
  void raise_price(Slot& slot, core::Random& random, int month);
  void take_snapshot(const Slot& slot, const Signals& signals, int month, double hazard);
  double hazard_of(const Slot& slot, int month) const;
  void log_behaviour(const Slot& slot, const Signals& signals, int slot_number, int month);
  void leave(int slot_number, int month, core::Random& random);
  void live_month(int slot_number, int month);

  TimelineOptions options_;
  TelcoIds ids_;
  TelcoEventLog log_;
  int scenario_month_ = kNever;
  std::vector<Slot> slots_;
  TelcoHistory history_;
};

void Simulation::add_first_customers() {
  for (int i = 0; i < options_.slots; ++i) {
    core::Random random = stream(options_.seed, i, -options_.burn_in_months, kFirstStream);
    Slot slot;
    slot.customer = draw_telco_customer(random);
    slot.customer.id = ids_.next();
    slot.index = history_.add_customer(slot.customer.id);
    slot.first_month = -options_.burn_in_months;
    slot.mood = random.normal();
    slot.usage_mean = kUsageMean + kUsageSpread * random.normal();
    slots_.push_back(std::move(slot));
  }
}

// A new customer takes the slot some time after `after` in `month`.
void Simulation::sign_up(int slot_number, int month, core::Micros after) {
  core::Random random = stream(options_.seed, slot_number, month, kSignupStream);
  Slot slot;
  slot.customer = draw_telco_signup(random);
  slot.customer.id = ids_.next();
  slot.index = history_.add_customer(slot.customer.id);
  slot.first_month = month;
  slot.mood = random.normal();
  slot.usage_mean = kUsageMean + kUsageSpread * random.normal();
  const bool wants_flex = random.bernoulli(kFlexShare);
  if (wants_flex && is_active(TelcoScenario::kNewPlan, month)) {
    slot.customer.contract = TelcoContract::kFlex;
  }
  const core::Micros latest = start_of(month + 1) - kMicrosPerDay;
  slot.present_from =
      after + static_cast<core::Micros>(random.uniform() * static_cast<double>(latest - after));
  if (has_log(month)) {
    log_.add(random, {slot.index, TelcoEvent::kSignup, slot.present_from, slot.present_from,
                      std::nan(""), 0});
  }
  const auto place = static_cast<std::size_t>(slot_number);
  if (place == slots_.size()) {
    slots_.push_back(std::move(slot));
  } else {
    slots_[place] = std::move(slot);
  }
}

void Simulation::grow(int month) {
  const double added = static_cast<double>(slots_.size()) * options_.monthly_growth;
  const auto count = static_cast<int>(std::llround(added));
  for (int i = 0; i < count; ++i) {
    sign_up(static_cast<int>(slots_.size()), month, start_of(month));
  }
}

void Simulation::raise_price(Slot& slot, core::Random& random, int month) {
  if (options_.scenario != TelcoScenario::kPriceRise) return;
  if (slot.customer.internet != TelcoInternet::kFibre) return;
  if (month == scenario_month_ - 1 && has_log(month)) {
    const core::Micros at = std::max(slot.present_from, start_of(month) + kMicrosPerDay);
    log_.add(random, {slot.index, TelcoEvent::kPriceNotice, at, at, 100 * kPriceRise, 0});
  }
  if (month < scenario_month_ || slot.is_price_raised) return;
  slot.is_price_raised = true;
  TelcoCustomer& c = slot.customer;
  c.monthly_cents =
      telco_round_cents(static_cast<double>(c.monthly_cents) / 100 * (1 + kPriceRise));
  if (c.tenure == 1) c.total_cents = c.monthly_cents;
}

void Simulation::change_plan(Slot& slot, core::Random& random, int month) {
  if (!random.bernoulli(options_.plan_change_rate)) return;
  TelcoCustomer& c = slot.customer;
  const auto addon = static_cast<std::size_t>(random.below(kTelcoAddonCount));
  if (c.internet == TelcoInternet::kNone) return;
  const std::int64_t before = telco_list_price_cents(c);
  c.addons[addon] = !c.addons[addon];
  const std::int64_t change = telco_list_price_cents(c) - before;
  c.monthly_cents += change;
  if (!has_log(month)) return;
  const core::Micros at = slot.present_from + kHour;
  log_.add(random,
           {slot.index, TelcoEvent::kPlanChange, at, at, static_cast<double>(change) / 100, 0});
}

// One invoice a month: on its first day, or at signup.
void Simulation::bill(Slot& slot, core::Random& random, int month, bool is_late) {
  TelcoCustomer& c = slot.customer;
  const double noise = random.normal();
  double amount = static_cast<double>(c.monthly_cents) / 100;
  if (slot.first_month != month) {
    amount = std::max(0.0, amount + std::sqrt(kInvoiceVariance * amount) * noise);
    const std::int64_t cents = telco_round_cents(amount);
    c.total_cents += cents;
    amount = static_cast<double>(cents) / 100;
  }
  const core::Micros invoiced = slot.present_from;
  const core::Micros due = std::min(invoiced + 14 * kMicrosPerDay, start_of(month + 1) - kHour);
  const double wait = random.uniform();
  const double delay_days = random.gamma(kDelayShape, kDelayScaleDays);
  if (!has_log(month)) return;
  const core::Micros paid =
      is_late ? due + days_to_micros(delay_days)
              : invoiced + static_cast<core::Micros>(wait * static_cast<double>(due - invoiced));
  log_.add(random, {slot.index, TelcoEvent::kInvoice, invoiced, invoiced, amount, 0});
  log_.add(random, {slot.index, TelcoEvent::kPayment, paid, paid, amount, 0});
  if (is_late) log_.add(random, {slot.index, TelcoEvent::kLate, due, due, amount, 0});
}

void Simulation::log_usage(const Slot& slot, core::Random& random, int month, double usage_gb) {
  const core::Micros end = start_of(month + 1);
  const auto days = static_cast<std::size_t>(
      std::max<core::Micros>(1, (end - slot.present_from) / kMicrosPerDay));
  std::vector<double> weights(days);
  double total = 0;
  for (double& weight : weights) {
    weight = 0.5 + random.uniform();
    total += weight;
  }
  for (std::size_t d = 0; d < days; ++d) {
    // A day's usage is known at midnight; the last midnight is the snapshot's.
    const core::Micros at = end - static_cast<core::Micros>(days - 1 - d) * kMicrosPerDay;
    log_.add(random,
             {slot.index, TelcoEvent::kUsageDay, at - kHour, at, usage_gb * weights[d] / total, 0});
  }
}

Signals Simulation::emit_signals(const Slot& slot, core::Random& random) const {
  Signals signals;
  signals.tickets = random.poisson(std::exp(kTicketBase + kTicketMood * slot.mood));
  signals.usage_gb =
      std::exp(slot.usage_mean + kUsageMood * slot.mood + kUsageNoise * random.normal());
  const bool pays_electronically = slot.customer.payment == TelcoPayment::kElectronicCheck;
  signals.is_late = random.bernoulli(logistic(kLateBase + kLateMood * slot.mood +
                                              (pays_electronically ? kLateElectronicCheck : 0)));
  return signals;
}

void Simulation::begin_month(int slot_number, int month) {
  Slot& slot = slots_[static_cast<std::size_t>(slot_number)];
  if (slot.first_month == month && month > -options_.burn_in_months) return;
  core::Random random = stream(options_.seed, slot_number, month, kMonthStream);
  slot.present_from = start_of(month);
  if (month == -options_.burn_in_months) return;
  slot.customer.tenure += 1;
  slot.mood = kMoodMemory * slot.mood + kMoodShock * random.normal();
  change_plan(slot, random, month);
}

double Simulation::hazard_of(const Slot& slot, int month) const {
  const TelcoCustomer& c = slot.customer;
  double eta = telco_churn_logit(c) + kHazardBase + kHazardMood * slot.mood;
  if (c.contract == TelcoContract::kFlex) eta += kFlexHazard;
  if (is_active(TelcoScenario::kPriceRise, month) && c.internet == TelcoInternet::kFibre &&
      c.contract == TelcoContract::kMonth) {
    eta += kHazardPriceRise * kPriceRise;
  }
  return logistic(eta);
}

void Simulation::take_snapshot(const Slot& slot, const Signals& signals, int month, double hazard) {
  TelcoHistory::Row row;
  row.customer = slot.index;
  row.month = month;
  row.at = start_of(month + 1);
  row.horizon_end = start_of(month + 1 + options_.horizon_months);
  row.label_delay = days_to_micros(kTelcoLabelMatureDays +
                                   (has_renewal(slot.customer) ? kTelcoRenewalGraceDays : 0));
  row.is_blind = is_outage(month);
  row.tickets = static_cast<std::int64_t>(signals.tickets);
  row.usage_gb = signals.usage_gb;
  row.is_late = signals.is_late;
  row.hazard = hazard;
  history_.add_row(slot.customer, row);
}

// Tickets, offers and daily usage of one month, as far as they arrive.
void Simulation::log_behaviour(const Slot& slot, const Signals& signals, int slot_number,
                               int month) {
  if (!log_.is_enabled()) return;
  core::Random random = stream(options_.seed, slot_number, month, kBehaviourStream);
  const auto length = static_cast<double>(start_of(month + 1) - slot.present_from);
  if (!is_outage(month)) {
    for (std::uint64_t i = 0; i < signals.tickets; ++i) {
      log_.add_ticket(random, slot.index,
                      slot.present_from + static_cast<core::Micros>(random.uniform() * length));
    }
    if (options_.has_daily_usage) log_usage(slot, random, month, signals.usage_gb);
  }
  // Offers go out at random and move nobody, so that no effect has to be told from churn's causes.
  if (slot.customer.contract == TelcoContract::kMonth && random.bernoulli(kOfferShare)) {
    const core::Micros at =
        slot.present_from + static_cast<core::Micros>(random.uniform() * length);
    log_.add(random, {slot.index, TelcoEvent::kOffer, at, at, kOfferPerCent, 0});
  }
}

// The customer leaves in the month after `month`; another takes the slot in the same month.
void Simulation::leave(int slot_number, int month, core::Random& random) {
  const Slot& slot = slots_[static_cast<std::size_t>(slot_number)];
  const core::Micros from = start_of(month + 1);
  const core::Micros until = start_of(month + 2) - 2 * kMicrosPerDay;
  TelcoHistory::Leaving leaving;
  leaving.month = month + 1;
  leaving.at =
      from + static_cast<core::Micros>(random.uniform() * static_cast<double>(until - from));
  const bool is_non_renewal = has_renewal(slot.customer);
  leaving.known_at = leaving.at + days_to_micros(random.gamma(kDelayShape, kDelayScaleDays) +
                                                 (is_non_renewal ? kTelcoRenewalGraceDays : 0));
  history_.record_leaving(slot.index, leaving);
  if (has_log(month + 1)) {
    const auto asked =
        from + static_cast<core::Micros>(random.uniform() * static_cast<double>(leaving.at - from));
    if (!is_non_renewal) {
      log_.add(random,
               {slot.index, TelcoEvent::kCancelRequest, asked, leaving.known_at, std::nan(""), 0});
    }
    log_.add(random,
             {slot.index, TelcoEvent::kChurn, leaving.at, leaving.known_at, std::nan(""), 0});
  }
  const core::Micros left_at = leaving.at;
  sign_up(slot_number, month + 1, left_at);
}

void Simulation::live_month(int slot_number, int month) {
  begin_month(slot_number, month);
  Slot& slot = slots_[static_cast<std::size_t>(slot_number)];
  slot.customer.has_renamed_payment = is_active(TelcoScenario::kTrackingRename, month);
  core::Random senses = stream(options_.seed, slot_number, month, kSignalStream);
  const Signals signals = emit_signals(slot, senses);
  core::Random money = stream(options_.seed, slot_number, month, kMoneyStream);
  raise_price(slot, money, month);
  if (month > -options_.burn_in_months) bill(slot, money, month, signals.is_late);
  const double hazard = hazard_of(slot, month);
  if (has_log(month)) {
    take_snapshot(slot, signals, month, hazard);
    log_behaviour(slot, signals, slot_number, month);
  }
  core::Random fate = stream(options_.seed, slot_number, month, kFateStream);
  if (fate.bernoulli(hazard)) leave(slot_number, month, fate);
}

TelcoTimeline Simulation::run() && {
  add_first_customers();
  const int first = -options_.burn_in_months;
  // The last snapshot's window is simulated too, so that every label is complete.
  const int end = options_.months + options_.horizon_months - 1;
  for (int month = first; month < end; ++month) {
    if (month > first) grow(month);
    for (int i = 0; i < static_cast<int>(slots_.size()); ++i) live_month(i, month);
  }
  TelcoTimeline timeline;
  timeline.labels = history_.labels(options_.horizon_months);
  timeline.events = std::move(log_).table(history_.ids());
  timeline.snapshots = std::move(history_).snapshots(options_.has_true_hazard);
  return timeline;
}

core::Error bad_option(std::string_view name, const std::string& value, std::string_view accepted) {
  return core::Error{
      core::ErrorCode::kInvalidArgument,
      fmt::format("timeline option {} is {}, but must be {}", name, value, accepted)};
}

core::Result<> check(const TimelineOptions& o) {
  const auto outside = [](int value, int least, int most) { return value < least || value > most; };
  if (outside(o.slots, 1, 10'000'000)) {
    return bad_option("slots", std::to_string(o.slots), "1 to 10000000");
  }
  if (outside(o.months, 1, 1'200))
    return bad_option("months", std::to_string(o.months), "1 to 1200");
  if (outside(o.horizon_months, 1, 120)) {
    return bad_option("horizon_months", std::to_string(o.horizon_months), "1 to 120");
  }
  if (outside(o.burn_in_months, 0, 1'200)) {
    return bad_option("burn_in_months", std::to_string(o.burn_in_months), "0 to 1200");
  }
  if (!(o.monthly_growth >= 0 && o.monthly_growth <= 0.2)) {
    return bad_option("monthly_growth", fmt::format("{}", o.monthly_growth), "0 to 0.2");
  }
  if (!(o.plan_change_rate >= 0 && o.plan_change_rate <= 1)) {
    return bad_option("plan_change_rate", fmt::format("{}", o.plan_change_rate), "0 to 1");
  }
  if (o.scenario_month && outside(*o.scenario_month, 0, 1'200)) {
    return bad_option("scenario_month", std::to_string(*o.scenario_month), "0 to 1200");
  }
  if (month_start(o.start, 0) != o.start) {
    return bad_option("start", core::format_utc(o.start), "the first instant of a month, UTC");
  }
  return {};
}

}  // namespace

core::Result<TelcoScenario> parse_telco_scenario(std::string_view name) {
  std::string known;
  for (const ScenarioInfo& info : kScenarios) {
    if (info.name == name) return info.scenario;
    known += known.empty() ? "" : ", ";
    known += info.name;
  }
  return core::Error{core::ErrorCode::kInvalidArgument,
                     fmt::format("unknown scenario '{}'; known: {}", name, known)};
}

std::string_view telco_scenario_name(TelcoScenario scenario) {
  return kScenarios[static_cast<std::size_t>(scenario)].name;
}

double telco_label_delay_share(double days) {
  if (days <= 0) return 0;
  const double x = days / kDelayScaleDays;
  return 1 - std::exp(-x) * (1 + x);
}

core::Result<TelcoTimeline> generate_telco_timeline(const TimelineOptions& options) {
  if (auto checked = check(options); !checked) return std::move(checked).error();
  return Simulation(options).run();
}

}  // namespace tenure::data
