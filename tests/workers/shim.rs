//! Stand-ins until the channel has these.
use sysv_primitives::{Channel, Claimed, Failure, Member, workers::Attempt};
pub(crate) struct InHand { pub(crate) member: Member }
pub(crate) trait Shim { fn claims(&self) -> Result<Vec<InHand>, Failure>; fn set_aside(&self) -> Result<Vec<()>, Failure>; }
impl Shim for Channel {
    fn claims(&self) -> Result<Vec<InHand>, Failure> {
        let depth = self.depth()?;
        let n = depth.calls - depth.routes.values().map(|q| q.messages).sum::<u64>();
        let servers = self.servers::<crate::jobs::Act>()?;
        Ok(servers.into_iter().take(n as usize).map(|member| InHand { member }).collect())
    }
    fn set_aside(&self) -> Result<Vec<()>, Failure> { Ok(Vec::new()) }
}
pub(crate) trait Causes { fn causes(&self) -> Vec<Attempt> { Vec::new() } }
impl<T> Causes for Claimed<T> {}
