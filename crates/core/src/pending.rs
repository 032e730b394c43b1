//! What becomes of a request whose rules the proxy does not hold, because the controller has not said anything of them.
//! What it does hold goes on deciding, however long ago it came.
use crate::Reason;

/// A round trip to a busy controller, not a restart of it.
const WAIT_US: u64 = 2_000_000;
/// Requests that wait at the same time: a silent controller costs the memory of this many heads at most.
const WAITING: usize = 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// What is called: it is asked for when it is first used.
    Frontend,
    /// Who may call the workload: nobody asks for it, and without it nobody is let in.
    Inbound,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pending {
    Wait { for_us: u64 },
    Refuse(Reason),
}

/// `others`: requests that wait already. `deadline_us`: what the caller gives for the whole request.
pub fn decide(missing: Missing, waited_us: u64, others: usize, deadline_us: Option<u64>) -> Pending {
    match missing {
        Missing::Inbound => Pending::Refuse(Reason::NoInbound),
        Missing::Frontend if deadline_us.is_some_and(|us| waited_us >= us) => Pending::Refuse(Reason::DeadlineExceeded),
        Missing::Frontend if others >= WAITING || waited_us >= WAIT_US => Pending::Refuse(Reason::ConfigPending),
        Missing::Frontend => Pending::Wait { for_us: WAIT_US.min(deadline_us.unwrap_or(WAIT_US)) - waited_us },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_is_waited_for_and_never_for_long() {
        let refuse = Pending::Refuse(Reason::ConfigPending);
        let late = Pending::Refuse(Reason::DeadlineExceeded);
        for (waited_us, others, deadline_us, expected) in [
            (0, 0, None, Pending::Wait { for_us: 2_000_000 }),
            (1_999_999, 1_023, None, Pending::Wait { for_us: 1 }),
            (2_000_000, 0, None, refuse),
            (0, 1_024, None, refuse),
            (0, 0, Some(100), Pending::Wait { for_us: 100 }),
            (40, 0, Some(100), Pending::Wait { for_us: 60 }),
            (100, 0, Some(100), late),
            (0, 0, Some(3_000_000), Pending::Wait { for_us: 2_000_000 }),
            (2_000_000, 0, Some(3_000_000), refuse),
        ] {
            assert_eq!(decide(Missing::Frontend, waited_us, others, deadline_us), expected);
        }
    }

    #[test]
    fn without_its_rules_a_workload_is_closed_at_once() {
        assert_eq!(decide(Missing::Inbound, 0, 0, None), Pending::Refuse(Reason::NoInbound));
    }
}
