#pragma once
#include "audit/types.hpp"
#include "identity/ports.hpp"
#include "platform/crypto/keyring.hpp"
#include "platform/http/types.hpp"

namespace modelops::audit {

class Service {
 public:
  Service(db::Database& database, const Clock& clock, const crypto::Keyring& keyring, identity::AuditTrail& trail)
      : database_(database), clock_(clock), keyring_(keyring), trail_(trail) {}

  AuditRecordPage list_records(const Context& ctx, const ListAuditRecords& request);
  AuditRecord get_record(const Context& ctx, const AuditRecordReference& request);
  AuditHead head(const Context& ctx, const identity::Nothing&);
  InclusionProof inclusion_proof(const Context& ctx, const GetInclusionProof& request);
  ConsistencyProof consistency_proof(const Context& ctx, const GetConsistencyProof& request);
  AuditKeyList list_keys(const Context& ctx, const identity::Nothing&);
  AuditKey rotate_key(const Context& ctx, const identity::Nothing&);
  /// A Download of the newest signed tree, which is itself recorded.
  http::Answer export_trail(const Context& ctx, const identity::Nothing&);
  /// Destroys the key of the subject's personal data, here and wherever else it is sealed with it.
  AuditErasure erase(const Context& ctx, const EraseAuditSubject& request);
  SecurityEventPage list_security_events(const Context& ctx, const ListSecurityEvents& request);

  /// For other capabilities, in their transaction: what people and robots did to these subjects (1,000 at most), the
  /// newest first. Who asks has made sure that the reader may see them.
  SubjectActPage acts_on(db::Tx& tx, const std::string& org_id, const std::vector<std::string>& subject_ids,
                         query::PageSize page_size, const std::string& page_token);

 private:
  db::Database& database_;
  const Clock& clock_;
  const crypto::Keyring& keyring_;
  identity::AuditTrail& trail_;
};

}  // namespace modelops::audit
