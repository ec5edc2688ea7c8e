//! Who pays for entries of the table of objects, and for references.
//!
//! An object is paid for by the principal of the thread for which it was made, or of the server whose root it is, until its entry is free
//! again. A reference that a server keeps, weak ones included, is paid for by the principal of that server, as its heap is.

use alloc::vec::Vec;

use crate::{instance::Instance, layout::OBJECTS, ledger::Ledger, plan::Plan};

/// Objects and references of all principals.
#[derive(Debug)]
pub struct Holdings {
    /// By the numbers of objects: who pays for those that are in use.
    payers: Vec<u8>,
    objects: Ledger,
    references: Ledger,
}

impl Holdings {
    /// Nobody holds anything.
    pub(crate) const fn new() -> Self {
        Holdings { payers: Vec::new(), objects: Ledger::new(), references: Ledger::new() }
    }

    /// Opens the accounts of a plan's principals, before there are objects. Of objects there are only so many, so that
    /// each principal has a part of them that others cannot take.
    pub(crate) fn open(&mut self, plan: &Plan) {
        self.payers = alloc::vec![0; OBJECTS];
        for (number, principal) in plan.principals.iter().enumerate() {
            let parent = principal.parent.unwrap_or(number);
            self.objects.open(number, parent, principal.limits.objects.into());
            self.references.open(number, parent, principal.limits.references.into());
        }
        self.objects.divide(OBJECTS as u64, plan.principals.len());
    }

    /// Charges one object that is about to be made; `false` if the principal may have no more.
    #[must_use]
    pub(crate) fn charge_object(&mut self, principal: usize) -> bool {
        self.objects.charge(principal, 1)
    }

    /// Notes who was charged for an object.
    pub(crate) fn note_object(&mut self, index: usize, principal: usize) {
        // Plans have no more principals than that.
        self.payers[index] = principal as u8;
    }

    /// Gives an object's entry back.
    pub(crate) fn release_object(&mut self, index: usize) {
        self.objects.release(self.payers[index].into(), 1);
    }

    /// Charges a reference of an instance; `false` if its principal may have no more.
    #[must_use]
    pub(crate) fn charge_reference(&mut self, holder: &Instance) -> bool {
        self.references.charge(holder.principal, 1)
    }

    /// Charges a reference that an instance has in any case.
    pub(crate) fn add_reference(&mut self, holder: &Instance) {
        self.references.add(holder.principal, 1);
    }

    /// Gives references of an instance back.
    pub(crate) fn release_references(&mut self, holder: &Instance, count: u64) {
        self.references.release(holder.principal, count);
    }

    /// Objects that a principal pays for.
    pub fn objects_of(&self, principal: usize) -> u64 {
        self.objects.held(principal)
    }

    /// References that a principal pays for.
    pub fn references_of(&self, principal: usize) -> u64 {
        self.references.held(principal)
    }
}
